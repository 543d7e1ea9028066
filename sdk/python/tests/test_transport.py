"""How a call finds its way: retries, other addresses, answers that are none."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from faults import Do, FaultServer, problem
from helpers import GRANT, new_name
from protomesh import (
    LeaseLostError,
    LockHeldError,
    MeshError,
    NotFoundError,
    ProtocolError,
    ProtoMesh,
    RateLimitedError,
    ServiceFailedError,
    SyncProtoMesh,
    UnauthorizedError,
    UnavailableError,
    ValidationError,
)
from service import Service

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]
ConnectSync = Callable[..., SyncProtoMesh]
GRANTED = Do(200, GRANT)


@pytest.mark.parametrize(
    "fault",
    [
        Do(503, b""),
        Do(502, b"<html>bad gateway</html>", {"content-type": "text/html"}),
        Do(429, b""),
        problem("store_recovering", 503, retryable=True),
        problem("internal_error", 500, retryable=True),
        Do(200, GRANT, cut=40),
        Do(200, json.dumps(GRANT).encode()[:-20], {"content-type": "application/json"}),
        Do(reset=True),
    ],
    ids=lambda do: f"{do.status}{'-reset' if do.reset else '-cut' if do.cut else ''}",
)
async def test_what_may_pass_is_tried_again_with_the_same_request_id(
    fault: Do, faulty: Faulty, connect: Connect
) -> None:
    server = faulty([fault, fault, GRANTED])
    lease = await connect(url=server.url).locks.acquire("customer/123")
    assert lease.fencing_token == GRANT["fencing_token"]
    assert server.paths() == ["POST /v1/locks"] * 3
    assert len({request.json["request_id"] for request in server.requests}) == 1


def test_the_synchronous_client_tries_again_too(faulty: Faulty, connect_sync: ConnectSync) -> None:
    server = faulty([Do(200, GRANT, cut=40), Do(reset=True), Do(503, b""), GRANTED])
    lease = connect_sync(url=server.url).locks.acquire("customer/123")
    assert lease.is_held
    assert len({request.json["request_id"] for request in server.requests}) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (problem("validation_failed", 400), ValidationError, "validation_failed"),
        (problem("lock_unknown", 404, retryable=True), NotFoundError, "lock_unknown"),
        (problem("queue_full", 429, retryable=True), MeshError, "queue_full"),
        (problem("too_fast", 429, retryable=True), RateLimitedError, "too_fast"),
        (problem("key_odd", 401), UnauthorizedError, "key_odd"),
        (problem("not_allowed", 403), UnauthorizedError, "not_allowed"),
        (Do(401, b"<html>", {"content-type": "text/html"}), UnauthorizedError, "unauthorized"),
        (problem("something_new", 409, retryable=True), MeshError, "something_new"),
        (problem("internal_error", 500, retryable=False), ServiceFailedError, "internal_error"),
        (Do(200, b"<html>", {"content-type": "text/html"}), ProtocolError, "not_protomesh"),
        (Do(404, b"<html>", {"content-type": "text/html"}), ProtocolError, "not_protomesh"),
        (Do(404, {"detail": "Not Found"}), ProtocolError, "not_protomesh"),
        (Do(302, b"", {"location": "/login"}), ProtocolError, "not_protomesh"),
        (Do(200, {"hello": "world"}), ProtocolError, "not_protomesh"),
        (Do(200, GRANT, {"ProtoMesh-Version": "1.4.0"}), ProtocolError, "version_mismatch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_final_answer_is_raised_at_once(
    answer: Do, kind: type[MeshError], code: str, faulty: Faulty, connect: Connect
) -> None:
    server = faulty([answer, GRANTED])
    with pytest.raises(MeshError) as refused:
        await connect(url=server.url).locks.get("1.0")
    assert type(refused.value) is kind or kind is MeshError
    assert refused.value.code == code
    assert len(server.requests) == 1


async def test_html_is_explained(faulty: Faulty, connect: Connect) -> None:
    server = faulty([Do(200, b"<html>", {"content-type": "text/html; charset=utf-8"})])
    with pytest.raises(ProtocolError) as refused:
        await connect(url=server.url).health()
    assert refused.value.message == (
        f"{server.url} answered text/html instead of JSON: is this a ProtoMesh service? Check the base URL."
    )
    assert not refused.value.retryable


async def test_retry_after_is_obeyed(faulty: Faulty, connect: Connect) -> None:
    server = faulty([Do(503, b"", {"retry-after": "1"}), GRANTED])
    lease = await connect(url=server.url).locks.acquire("customer/123")
    first, second = server.times()
    assert second - first >= 1
    assert lease.is_held


async def test_a_pause_longer_than_what_is_left_is_not_waited_for(faulty: Faulty, connect: Connect) -> None:
    server = faulty([problem("store_unavailable", 503, retryable=True, retry_after_ms=60_000)])
    with pytest.raises(UnavailableError) as away:
        await connect(url=server.url).policies.check("read")
    assert away.value.retry_after_ms == 60_000
    assert isinstance(away.value, ConnectionError)
    assert len(server.requests) == 1


async def test_a_service_that_is_away_is_told_within_retry_for(connect: Connect, faulty: Faulty) -> None:
    gone = faulty([GRANTED])
    url = gone.url
    gone.stop_listening()
    with pytest.raises(UnavailableError) as away:
        await connect(url=url, retry_for=0.5).health()
    assert away.value.code == "unreachable"
    assert url in away.value.message


async def test_an_answer_that_does_not_come_is_a_failed_attempt(faulty: Faulty, connect: Connect) -> None:
    server = faulty([Do(hang=True)])
    with pytest.raises(UnavailableError, match="did not answer in time"):
        await connect(url=server.url, attempt_timeout=0.2, retry_for=0.3).health()


def test_an_answer_that_trickles_in_is_a_failed_attempt(faulty: Faulty, connect_sync: ConnectSync) -> None:
    server = faulty([Do(200, GRANT, trickle=0.05)])
    with pytest.raises(UnavailableError, match="did not answer in time"):
        connect_sync(url=server.url, attempt_timeout=0.4, retry_for=0.5).locks.get("1.0")


async def test_the_next_address_takes_over_at_once_and_stays(faulty: Faulty, connect: Connect) -> None:
    dead, alive = faulty([GRANTED]), faulty([GRANTED])
    dead.stop_listening()
    mesh = connect(url=[dead.url, alive.url])
    for _ in range(3):
        assert await mesh.locks.acquire("customer/123") is not None
    assert alive.paths() == ["POST /v1/locks"] * 3
    spoiled = faulty([Do(503, b"")])
    mesh = connect(url=[spoiled.url, alive.url])
    await mesh.locks.acquire("customer/123")
    await mesh.locks.acquire("customer/123")
    assert len(spoiled.requests) == 1


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, faulty: Faulty) -> None:
    server = faulty([Do(reset=True), GRANTED])
    monkeypatch.setenv("PROTOMESH_URL", f"{server.url}/, {server.url}")
    monkeypatch.setenv("PROTOMESH_API_KEY", "secret-key")
    monkeypatch.setenv("PROTOMESH_AGENT_ID", "billing")
    with SyncProtoMesh() as mesh:
        lease = mesh.locks.acquire("customer/123")
        assert mesh.agent_id == "billing"
        assert lease.is_held
        request = server.requests[-1]
        assert request.headers["authorization"] == "Bearer secret-key"
        assert request.headers["user-agent"].startswith("protomesh-python/")
        assert request.headers["prefer"] == "wait=8"
        assert request.json["agent_id"] == "billing"
        lease.ticket()


def test_an_agent_without_a_name_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "ä" * 200)
    assert SyncProtoMesh().agent_id != SyncProtoMesh().agent_id
    assert len(SyncProtoMesh().agent_id.encode()) <= 128


@pytest.mark.parametrize(
    "urls", [[], "localhost:8000", ["http://a", "ftp://b"], "http://a:80800", "http://", "http://[a"]
)
def test_a_base_url_has_to_be_absolute(urls: Any) -> None:
    if urls:
        with pytest.raises(ValueError, match="absolute URL"):
            ProtoMesh(urls)
    else:
        with pytest.raises(ValueError, match="absolute URL"):
            ProtoMesh([])


async def test_an_http_client_of_the_callers_own_is_used_and_stays_open(connect: Connect) -> None:
    seen: list[str] = []

    async def hear(request: httpx.Request) -> None:
        seen.append(request.headers["x-tenant"])

    async with httpx.AsyncClient(headers={"x-tenant": "t1"}, event_hooks={"request": [hear]}, timeout=0.001) as http:
        mesh = connect(http_client=http)
        async with mesh.lock(new_name()):
            pass
        await mesh.close()
        assert seen == ["t1", "t1"]
        assert not http.is_closed


async def test_a_closed_client_says_so(connect: Connect) -> None:
    mesh = connect()
    await mesh.close()
    with pytest.raises(UnavailableError, match="This client was closed"):
        await mesh.health()
    with pytest.raises(UnavailableError, match="This client was closed"):
        async for _ in mesh.events.stream():
            pass


async def test_the_path_of_a_base_url_is_kept(faulty: Faulty, connect: Connect) -> None:
    server = faulty([GRANTED])
    await connect(url=server.url + "/mesh/").locks.acquire("customer/123")
    assert server.paths() == ["POST /mesh/v1/locks"]


async def test_metadata_may_hold_what_agents_have_at_hand(faulty: Faulty, connect: Connect) -> None:
    server = faulty([problem("lock_held", 409)])
    metadata = {
        "when": datetime(2026, 11, 21, tzinfo=timezone.utc),
        "price": Decimal("19.50"),
        "id": UUID(int=1),
        "tags": {"a"},
    }
    with pytest.raises(LockHeldError):
        await connect(url=server.url).locks.acquire("customer/123", action="refund", metadata=metadata)
    assert server.requests[0].json["metadata"] == {
        "when": "2026-11-21T00:00:00+00:00",
        "price": 19.5,
        "id": "00000000-0000-0000-0000-000000000001",
        "tags": ["a"],
    }
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        await connect(url=server.url).policies.check("refund", metadata={"x": object()})


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_one_client_serves_one_event_loop_after_another(service: Service) -> None:
    def twice() -> list[bool]:
        mesh = ProtoMesh(service.url)

        async def once() -> bool:
            async with mesh.lock(new_name(), ttl=5) as lease:
                return lease.is_held

        return [asyncio.run(once()) for _ in range(2)]

    assert await asyncio.to_thread(twice) == [True, True]
    gc.collect()


@pytest.mark.parametrize(
    "answer",
    [
        Do(forward=True, reset=True),
        Do(502, b"<html>", {"content-type": "text/html"}),
        problem("store_unavailable", 503, retryable=True),
    ],
    ids=["lost", "proxy", "store"],
)
async def test_a_forced_release_that_may_have_had_its_effect_is_not_sent_again(
    faulty: Faulty, connect: Connect, answer: Do
) -> None:
    server, mesh, name = faulty(lambda _: answer), connect(), new_name()
    lease = await mesh.locks.acquire(name)
    with pytest.raises(UnavailableError):
        await connect(url=server.url).locks.force_release(name, "test", immediate=True)
    assert len(server.requests) == 1
    with suppress(LeaseLostError):
        await lease.release()


async def test_a_forced_release_that_surely_had_no_effect_is_sent_again(faulty: Faulty, connect: Connect) -> None:
    recovering, dead, name = (
        [problem("store_recovering", 503, retryable=True), Do(forward=True)],
        faulty([Do()]),
        new_name(),
    )
    dead.stop_listening()
    server = faulty(recovering)
    lease = await connect().locks.acquire(name)
    await connect(url=[dead.url, server.url]).locks.force_release(name, "test", immediate=True)
    assert len(server.requests) == 2
    with pytest.raises(LeaseLostError):
        await lease.renew()


@pytest.mark.parametrize("key", ["sk-secret\n", "sk secret", "sk-s\u00e9cret", "sk-secret\x00"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_told(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for make in (ProtoMesh, SyncProtoMesh):
        with pytest.raises(ValueError, match="api_key") as refusal:
            make(api_key=key)
        assert "cret" not in str(refusal.value)
    monkeypatch.setenv("PROTOMESH_API_KEY", key.replace("\0", "\n"))
    with pytest.raises(ValueError, match="api_key"):
        ProtoMesh()


@pytest.mark.parametrize("url", ["http://user:secret@host:1", "https://secret@host/mesh", "http://a,http://u:secret@b"])
def test_a_password_in_a_base_url_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match="user name or password") as refusal:
        ProtoMesh(url)
    assert "secret" not in str(refusal.value)


def test_a_client_and_its_settings_show_no_secret() -> None:
    mesh = ProtoMesh("http://host:1/mesh?key=secret", api_key="sk-secret")
    assert repr(mesh).endswith(" at http://host:1>")
    assert "sk-secret" not in repr(mesh._settings)


async def test_without_time_for_retries_a_call_is_tried_once_with_its_whole_time(
    faulty: Faulty, connect: Connect
) -> None:
    server = faulty(lambda _: Do(forward=True, delay=0.3))
    mesh = connect(url=server.url, retry_for=0)
    assert (await mesh.health()).status
    lease = await mesh.locks.try_acquire(new_name())
    assert lease is not None
    await lease.release()
    failing = faulty([problem("store_unavailable", 503, retryable=True)])
    away = connect(url=failing.url, retry_for=0)
    with pytest.raises(UnavailableError):
        await away.health()
    assert len(failing.requests) == 1
