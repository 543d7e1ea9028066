"""Leases against the real service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from helpers import new_name, until_async
from protomesh import (
    LeaseLostError,
    LockConflictError,
    LockEndedError,
    LockHeldError,
    LockTimeoutError,
    NotFoundError,
    ProtoMesh,
    QueuedLock,
    Resource,
    ValidationError,
)

Connect = Callable[..., ProtoMesh]


async def test_a_lease_is_held_until_its_body_ends(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name, ttl=5) as lease:
        assert lease.is_held
        assert 4 < lease.remaining <= 5
        assert lease.resource == name
        assert lease.agent_id == "a"
        assert lease.lock_id.startswith(lease.request_id)
        assert mesh.held == (lease,)
        assert (await mesh.locks.get(lease.lock_id)).state == "granted"
    assert not lease.is_held
    assert lease.remaining == 0
    assert not lease.lost.is_set()
    assert mesh.held == ()
    assert (await mesh.locks.get(lease.lock_id)).state == "released"


async def test_tokens_rise_from_holder_to_holder(mesh: ProtoMesh) -> None:
    name = new_name()
    tokens = []
    for _ in range(3):
        async with mesh.lock(name) as lease:
            tokens.append(lease.fencing_token)
    assert tokens == sorted(set(tokens))


async def test_a_try_of_what_is_held_gives_none(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name):
        assert await mesh.locks.try_acquire(name) is None
        with pytest.raises(LockHeldError) as held:
            await mesh.locks.acquire(name, wait=0)
    assert held.value.code == "lock_held"
    assert held.value.retryable
    assert held.value.problem.blocked_by is not None
    assert held.value.problem.blocked_by[0].agent_id == "a"
    lease = await mesh.locks.try_acquire(name)
    assert lease is not None
    await lease.release()


async def test_a_waiter_with_higher_priority_is_granted_first(mesh: ProtoMesh) -> None:
    name = new_name()
    order: list[int] = []

    async def work(priority: int) -> None:
        async with mesh.lock(name, priority=priority, wait=20):
            order.append(priority)

    async with mesh.lock(name):
        waiting = [asyncio.create_task(work(priority)) for priority in (3, 9, 5)]
        await until_async("three wait", lambda: _queue_length(mesh, name, 3))
    await asyncio.gather(*waiting)
    assert order == [9, 5, 3]


async def test_a_wait_that_ends_without_a_grant_is_a_timeout(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name):
        with pytest.raises(LockTimeoutError) as late:
            await mesh.locks.acquire(name, wait=0.3)
        assert isinstance(late.value, TimeoutError)
        assert late.value.code == "lock_timeout"
        assert (await mesh.locks.queue(name)).queue_length == 0


async def test_a_waiter_hears_of_its_place(mesh: ProtoMesh) -> None:
    name = new_name()
    places: list[QueuedLock] = []
    async with mesh.lock(name, reason="refund #42"):
        waiting = asyncio.create_task(mesh.locks.acquire(name, on_queued=places.append))
        await until_async("it is told", lambda: places)
    await (await waiting).release()
    assert places[0].position == 1
    assert places[0].blocked_by[0].reason == "refund #42"


async def test_a_waiter_may_be_told_of_its_place_by_a_coroutine(mesh: ProtoMesh) -> None:
    name = new_name()
    told = asyncio.Event()

    async def tell(_: QueuedLock) -> None:
        told.set()

    async with mesh.lock(name):
        waiting = asyncio.create_task(mesh.locks.acquire(name, on_queued=tell))
        await asyncio.wait_for(told.wait(), 10)
    await (await waiting).release()


async def test_several_resources_are_held_together_or_not_at_all(mesh: ProtoMesh) -> None:
    first, second = new_name(), new_name()
    async with mesh.lock([first, second]) as lease:
        assert lease.resource is None
        assert [one.resource for one in lease.resources or ()] == [first, second]
        assert await mesh.locks.try_acquire(second) is None
    assert await mesh.locks.try_acquire([first, Resource(second, mode="shared")]) is not None
    await mesh.held[0].release()


async def test_readers_share_and_slots_are_counted(mesh: ProtoMesh) -> None:
    page, gpu = new_name("page"), new_name("gpu")
    async with mesh.lock(page, mode="shared"), mesh.lock(page, mode="shared"):
        assert await mesh.locks.try_acquire(page) is None
    async with mesh.lock(gpu, mode="slots", capacity=3, units=2) as lease:
        assert (lease.grant.capacity, lease.grant.units) == (3, 2)
        assert await mesh.locks.try_acquire(gpu, mode="slots", capacity=3, units=2) is None
        async with mesh.lock(gpu, mode="slots", capacity=3):
            pass
        with pytest.raises(LockConflictError):
            await mesh.locks.acquire(gpu, wait=0)


async def test_the_next_holder_reads_the_note(connect: Connect) -> None:
    name = new_name()
    a, b = connect("a"), connect("b")
    lease = await a.locks.acquire(name)
    await lease.release("half of the rows are done")
    await lease.release()
    async with b.lock(name) as after:
        assert after.previous is not None
        assert (after.previous.agent_id, after.previous.ended) == ("a", "released")
        assert after.previous.note == "half of the rows are done"
    async with a.lock(name) as again:
        assert again.changed_since_last_held is True


async def test_a_failed_body_leaves_a_note_for_the_next_holder(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(ZeroDivisionError):
        async with mesh.lock(name):
            raise ZeroDivisionError
    async with mesh.lock(name) as lease:
        assert lease.previous is not None
        assert lease.previous.note == "The body failed: ZeroDivisionError"


async def test_a_transferred_lease_is_over_for_the_giver(connect: Connect) -> None:
    name = new_name()
    a, b = connect("a"), connect("b")
    lease = await a.locks.acquire(name)
    given = await lease.transfer("b", "run-7")
    assert given.agent_id == "b"
    assert given.session_id == "run-7"
    assert given.fencing_token > lease.fencing_token
    assert not lease.is_held
    assert a.held == ()
    await b.locks.cancel(given.lock_id)


async def test_a_renewal_lengthens_a_lease_that_does_not_renew_itself(mesh: ProtoMesh) -> None:
    async with mesh.lock(new_name(), ttl=2, auto_renew=False) as lease:
        await until_async("a part of it is over", lambda: lease.remaining < 1.7)
        before = lease.remaining
        await lease.renew()
        assert lease.remaining > before
        assert lease.waiters is not None
        assert lease.waiters.count == 0


async def test_progress_is_shown_to_whoever_waits(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name) as lease:
        lease.report_progress("row 1")
        lease.report_progress("row 70 of 100")

        async def is_shown() -> bool:
            return (await mesh.locks.get(lease.lock_id)).progress == "row 70 of 100"

        await until_async("the text is shown", is_shown)


async def test_a_dry_run_has_no_effect(mesh: ProtoMesh) -> None:
    name = new_name()
    assert (await mesh.locks.dry_run(name)).granted_now
    async with mesh.lock(name):
        verdict = await mesh.locks.dry_run(name)
        assert not verdict.granted_now
        assert verdict.position == 1
        assert (await mesh.locks.queue(name)).queue_length == 0


async def test_a_waiter_can_be_seen_explained_moved_and_cancelled(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name) as holder:
        waiting = asyncio.create_task(mesh.locks.acquire(name, priority=2))
        queue = await until_async("it waits", lambda: _queue_length(mesh, name, 1))
        waiter = queue.waiting[0]
        assert queue.held_by[0].lock_id == holder.lock_id
        explained = await mesh.locks.explain(waiter.lock_id)
        assert explained.sentences
        assert explained.self is not None
        assert explained.self.priority == 2
        assert (await mesh.locks.reprioritize(waiter.lock_id, 7)).priority == 7
        with pytest.raises(LockConflictError) as conflict:
            await mesh.locks.reprioritize(holder.lock_id, 7)
        assert conflict.value.code == "not_waiting"
        assert [one.lock_id async for one in mesh.locks.list(state="queued")] == [waiter.lock_id]
        assert name in [one.resource async for one in mesh.locks.resources()]
        assert (await mesh.locks.cancel(waiter.lock_id)).state == "cancelled"
        with pytest.raises(LockEndedError):
            await waiting


async def test_a_request_can_be_cancelled_by_its_own_id(mesh: ProtoMesh) -> None:
    name = new_name()
    lease = await mesh.locks.acquire(name, request_id="my-own-request-1" + name[-6:])
    assert (await mesh.locks.cancel_request(lease.request_id, name)).state == "released"
    with pytest.raises(LeaseLostError):
        await lease.renew()
    assert lease.lost.is_set()


async def test_the_same_request_id_is_the_same_request(mesh: ProtoMesh) -> None:
    name = new_name()
    own = "same-request-" + name[-8:]
    one = await mesh.locks.acquire(name, request_id=own)
    two = await mesh.locks.acquire(name, request_id=own)
    assert one.fencing_token == two.fencing_token
    with pytest.raises(LockConflictError):
        await mesh.locks.acquire(new_name(), request_id=own)
    await one.release()
    with pytest.raises(LockEndedError):
        await mesh.locks.acquire(name, request_id=own)
    await two._close()


async def test_a_forced_release_tells_the_holder_at_its_next_renewal(mesh: ProtoMesh) -> None:
    name = new_name()
    lease = await mesh.locks.acquire(name, ttl=1.5)
    cut = await mesh.locks.force_release(name, "it hangs", immediate=True)
    assert cut.released[0].lock_id == lease.lock_id
    await asyncio.wait_for(lease.lost.wait(), 5)
    with pytest.raises(LeaseLostError) as lost:
        lease.throw_if_lost()
    assert lost.value.problem.state == "force_released"
    with pytest.raises(LeaseLostError):
        await lease.release()


async def test_history_is_read_over_its_pages(mesh: ProtoMesh) -> None:
    name = new_name()
    for _ in range(3):
        async with mesh.lock(name):
            pass

    async def whole() -> list[str] | None:
        types = [event.type async for event in mesh.locks.history(name, limit=2)]
        return types if len(types) == 6 else None

    assert await until_async("six events", whole) == ["lock.released", "lock.granted"] * 3


async def test_fences_tell_a_live_token_from_a_dead_one(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name) as lease:
        assert (await mesh.fences.validate(name, lease.fencing_token)).valid
    assert not (await mesh.fences.validate(name, lease.fencing_token)).valid


async def test_what_breaks_a_rule_names_the_field(mesh: ProtoMesh) -> None:
    with pytest.raises(ValidationError) as wrong:
        await mesh.locks.acquire("no slash", priority=10)
    assert isinstance(wrong.value, ValueError)
    assert {error.field for error in wrong.value.problem.errors or ()} == {"resource", "priority"}
    with pytest.raises(NotFoundError):
        await mesh.locks.get("01a1fcdff1ce71df8a6f901057ade2dd.0")
    with pytest.raises(TypeError, match="There is no option 'prio'"):
        mesh.lock("a/b", prio=3)  # type: ignore[call-arg]


async def test_namespaces_keep_resources_apart(connect: Connect) -> None:
    name = new_name()
    async with connect(namespace="blue").lock(name) as one, connect().lock(name, namespace="red") as two:
        assert (one.grant.namespace, two.grant.namespace) == ("blue", "red")


async def _queue_length(mesh: ProtoMesh, name: str, length: int) -> object:
    queue = await mesh.locks.queue(name)
    return queue if queue.queue_length == length else None
