"""Policy and lock in one step, with a refusal as a value."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from faults import Do, FaultServer, problem
from helpers import new_name
from protomesh import LeaseLostError, ProtoMesh, SyncProtoMesh

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]


async def test_a_guard_holds_the_lock_while_its_body_runs(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.guard("customer.update", name, metadata={"estimated_cost": 5}) as guard:
        assert guard.granted
        assert guard.lease is not None
        assert guard.lease.decision is not None
        assert (guard.denial, guard.decision, guard.text, guard.unprotected) == (None, None, None, False)
        assert await mesh.locks.try_acquire(name) is None
    assert (await mesh.locks.get(guard.lease.lock_id)).state == "released"


async def test_one_request_asks_for_both(faulty: Faulty, connect: Connect) -> None:
    server = faulty(lambda _: Do(forward=True))
    async with connect(url=server.url).guard("refund", new_name()) as guard:
        assert guard.granted
    assert [path.partition("?")[0] for path in server.paths()][:1] == ["POST /v1/locks"]
    assert len(server.requests) == 2
    assert server.requests[0].json["action"] == "refund"


async def test_a_denial_tells_a_model_what_would_change_it(mesh: ProtoMesh) -> None:
    for resource in (new_name(), None):
        async with mesh.guard("spend", resource, metadata={"estimated_cost": 500}) as guard:
            assert not guard.granted
        assert guard.lease is None
        assert guard.denial is not None
        assert guard.denial.code == "policy_denied"
        assert not guard.denial.retryable
        assert guard.denial.decision is not None
        assert guard.text == guard.denial.text
        assert guard.text == (
            "Not done: spend. Cost $500 exceeds limit $100 for role user. "
            "It would be allowed with: metadata.estimated_cost <= 100. "
            "Read the reasons; each says what would change the answer."
        )


async def test_a_held_resource_is_a_denial_with_a_time(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name, reason="refund #42"), mesh.guard("refund", name, wait=0) as guard:
        assert not guard.granted
    assert guard.denial is not None
    assert guard.denial.code == "lock_held"
    assert guard.denial.retryable
    assert guard.text is not None
    assert guard.text.startswith(f"Not done: refund. {name} is held by a (refund #42) for ")
    assert guard.text.endswith("Wait by sending wait_ms, or do other work. Try again in about 30 s.")


async def test_a_guard_without_a_resource_only_asks(mesh: ProtoMesh) -> None:
    async with mesh.guard("spend", metadata={"estimated_cost": 5}) as guard:
        assert guard.granted
        assert guard.lease is None
        assert guard.decision is not None
    name = new_name()
    async with mesh.lock(name) as lease, mesh.guard("customer.update", lease=lease) as guard:
        assert guard.granted


async def test_every_error_on_the_way_is_a_denial(faulty: Faulty, connect: Connect) -> None:
    for answer, code in [
        (problem("something_new", 418), "something_new"),
        (Do(200, b"<html>", {"content-type": "text/html"}), "not_protomesh"),
        (Do(503, b""), "unreachable"),
        (problem("validation_failed", 400), "validation_failed"),
    ]:
        mesh = connect(url=faulty([answer]).url, retry_for=0.1)
        for resource in ("customer/123", None):
            async with mesh.guard("refund", resource, wait=0) as guard:
                assert not guard.granted
            assert guard.denial is not None
            assert guard.denial.code == code


async def test_the_callers_own_cancellation_passes(mesh: ProtoMesh) -> None:
    name = new_name()

    async def work() -> None:
        async with mesh.guard("refund", name, wait=60):
            pytest.fail("it must not run")

    async with mesh.lock(name):
        task = asyncio.create_task(work())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_absent_service_stops_the_body_unless_the_caller_wants_otherwise(
    faulty: Faulty, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    mesh = connect(url=faulty([Do(503, b"")]).url, retry_for=0.1)
    with caplog.at_level(logging.WARNING, "protomesh"):
        async with mesh.guard("refund", "customer/123", wait=0, on_unavailable="open") as guard:
            assert guard.granted
            assert guard.lease is None
            assert guard.unprotected
    assert "refund runs without protection" in caplog.text
    with pytest.raises(ValueError, match="on_unavailable"):
        mesh.guard("refund", on_unavailable="maybe")  # type: ignore[arg-type]


async def test_an_open_guard_is_still_closed_to_a_denial(mesh: ProtoMesh) -> None:
    async with mesh.guard("spend", metadata={"estimated_cost": 500}, on_unavailable="open") as guard:
        assert not guard.granted


async def test_a_failed_body_leaves_its_action_and_error_in_the_note(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(ZeroDivisionError):
        async with mesh.guard("refund", name):
            raise ZeroDivisionError
    async with mesh.lock(name) as lease:
        assert lease.previous is not None
        assert lease.previous.note == "refund failed: ZeroDivisionError"


async def test_a_loss_cancels_the_body_and_has_words_for_a_model(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(LeaseLostError):
        async with mesh.guard("refund", name, ttl=1) as guard:
            await mesh.locks.force_release(name, "it hangs", immediate=True)
            await asyncio.sleep(60)
    text = guard.text
    assert text is not None
    assert text.startswith(f"refund may be half done: The lease on {name} is over")
    assert text.endswith("Stop writing, send a new request, and look at the resource before you go on.")


def test_a_synchronous_guard_says_the_same(connect_sync: Callable[..., SyncProtoMesh]) -> None:
    mesh = connect_sync()
    name = new_name()
    with mesh.guard("refund", name) as guard:
        assert guard.granted
        assert guard.lease is not None
    with mesh.guard("spend", metadata={"estimated_cost": 500}) as guard:
        assert not guard.granted
    assert guard.text is not None
    assert guard.text.startswith("Not done: spend.")
    with pytest.raises(LeaseLostError), mesh.guard("refund", name, ttl=1.5) as guard:
        assert guard.lease is not None
        mesh.locks.force_release(name, "it hangs", immediate=True)
        assert guard.lease.lost.wait(10)


async def test_a_closed_client_is_no_absent_service(connect: Callable[..., ProtoMesh]) -> None:
    mesh = connect()
    await mesh.close()
    async with mesh.guard("refund", new_name(), on_unavailable="open") as guard:
        assert not guard.granted
        assert not guard.unprotected
        assert "closed" in (guard.text or "")


def test_a_closed_synchronous_client_is_no_absent_service(connect_sync: Callable[..., SyncProtoMesh]) -> None:
    mesh = connect_sync()
    mesh.close()
    with mesh.guard("refund", new_name(), on_unavailable="open") as guard:
        assert not guard.granted


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("odd", ["half \ud800", nested(100_000)], ids=["surrogate", "deep"])
async def test_what_cannot_be_written_as_json_is_a_denial(mesh: ProtoMesh, odd: Any) -> None:
    for resource in (new_name(), None):
        async with mesh.guard("refund", resource, metadata={"x": odd}, on_unavailable="open") as guard:
            assert guard.denial is not None
            assert guard.denial.code == "validation_failed"
    async with mesh.guard("refund", "customer/\ud800") as guard:
        assert not guard.granted


async def test_a_scope_has_one_body_at_a_time_and_may_be_used_again(mesh: ProtoMesh) -> None:
    name = new_name()
    for scope in (mesh.lock(name, mode="shared"), mesh.guard("refund", name, mode="shared")):
        for _ in range(2):
            async with scope:
                with pytest.raises(RuntimeError, match="has a body already"):
                    await scope.__aenter__()
                assert len(mesh.held) == 1
            assert not mesh.held
