"""Waiting for people, whatever becomes of the service meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chain import approval
from faults import Do, FaultServer, Request, problem
from protomesh import NotFoundError, ProtoMesh, UnavailableError

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]


async def test_an_approval_that_nobody_decides_comes_back_as_it_is(faulty: Faulty, connect: Connect) -> None:
    server = faulty(lambda _: Do(200, approval()))
    began = time.monotonic()
    waited = await connect(url=server.url).approvals.wait("ap-1", 0.8)
    assert waited.state == "pending"
    assert 0.7 < time.monotonic() - began < 5
    # The service answers at once instead of holding the call open: it is not called in a tight loop.
    assert 2 <= len(server.requests) <= 5
    assert {request.headers["prefer"] for request in server.requests} <= {"wait=1", "wait=0"}


async def test_no_time_asks_once_how_it_stands(faulty: Faulty, connect: Connect) -> None:
    server = faulty(lambda _: Do(200, approval()))
    assert (await connect(url=server.url).approvals.wait("ap-1", 0)).state == "pending"
    assert len(server.requests) == 1
    assert "prefer" not in server.requests[0].headers


async def test_a_service_that_is_away_meanwhile_is_asked_again(faulty: Faulty, connect: Connect) -> None:
    answers = [Do(200, approval()), Do(reset=True), Do(503, b""), Do(503, b""), Do(200, approval("approved"))]
    mesh = connect(url=faulty(answers).url, retry_for=0.1)
    assert (await mesh.approvals.wait("ap-1", 30)).state == "approved"


async def test_a_service_that_stays_away_leaves_what_was_known(faulty: Faulty, connect: Connect) -> None:
    mesh = connect(url=faulty([Do(200, approval()), Do(503, b"")]).url)
    assert (await mesh.approvals.wait("ap-1", 0.5)).state == "pending"
    mesh = connect(url=faulty([Do(503, b"")]).url)
    with pytest.raises(UnavailableError):
        await mesh.approvals.wait("ap-1", 0.3)


async def test_an_approval_that_there_is_not_is_told_at_once(faulty: Faulty, connect: Connect) -> None:
    mesh = connect(url=faulty([problem("approval_unknown", 404)]).url)
    with pytest.raises(NotFoundError):
        await mesh.approvals.wait("ap-1", 60)


async def test_what_makes_something_new_each_time_is_sent_once(faulty: Faulty, connect: Connect) -> None:
    def script(request: Request) -> Do:
        return Do(reset=True)

    server = faulty(script)
    mesh = connect(url=server.url)
    for call in (
        mesh.approvals.grant("ops", "refund", expires_in=60, uses=1),
        mesh.keys.create("viewer"),
        mesh.keys.rotate("abc"),
    ):
        before = len(server.requests)
        with pytest.raises(UnavailableError):
            await call
        assert len(server.requests) == before + 1
    before = len(server.requests)
    short = connect(url=server.url, retry_for=0.5)
    with pytest.raises(UnavailableError):
        await short.budgets.reserve("team-day", 5)
    sent = {request.json["reservation_id"] for request in server.requests[before:]}
    assert len(server.requests) > before + 1
    assert len(sent) == 1
