"""A caller that gives up leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from faults import Do, FaultServer, Request
from helpers import new_name, until_async
from protomesh import LeaseLostError, MeshError, ProtoMesh, UnavailableError
from protomesh._problems import lease_lost

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]


async def nothing_is_left(mesh: ProtoMesh, name: str) -> bool:
    queue = await mesh.locks.queue(name)
    return not queue.held_by and queue.queue_length == 0


async def test_a_cancelled_waiter_leaves_the_queue_before_its_call_ends(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name):
        waiting = asyncio.create_task(mesh.locks.acquire(name, wait=60))
        await until_async("it waits", lambda: _length(mesh, name))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await mesh.locks.queue(name)).queue_length == 0


async def test_wait_for_gives_up_a_wait(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(mesh.locks.acquire(name, wait=60), 0.3)
        assert (await mesh.locks.queue(name)).queue_length == 0


@pytest.mark.parametrize("forwarded", [True, False])
async def test_a_request_that_is_cancelled_on_its_way_is_taken_back(
    forwarded: bool, faulty: Faulty, connect: Connect, mesh: ProtoMesh
) -> None:
    """Also when the service has granted it and only the answer is not there yet."""

    def script(request: Request) -> Do:
        return Do(forward=forwarded, hang=True) if request.path == "/v1/locks" else Do(forward=True)

    name = new_name()
    server = faulty(script)
    acquiring = asyncio.create_task(connect(url=server.url).locks.acquire(name))
    await until_async("it is sent", lambda: server.requests)
    if forwarded:
        await until_async("it is granted", lambda: _held(mesh, name))
    acquiring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acquiring
    assert "POST /v1/locks/cancel" in server.paths()
    assert await nothing_is_left(mesh, name)


async def test_no_moment_of_cancellation_leaks_a_lease(mesh: ProtoMesh) -> None:
    """Cancels after 0, 1, 2 … turns of the event loop, up to and beyond the grant."""
    name = new_name()
    ended = 0
    for turns in range(0, 60, 2):

        async def work() -> None:
            async with mesh.lock(name, wait=5):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        if turns > 30:
            await asyncio.sleep(turns / 10_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ended += 1
        assert await nothing_is_left(mesh, name), f"after {turns} turns"
    assert ended == 30
    assert mesh.held == ()


async def test_a_cancelled_body_releases_and_says_so(mesh: ProtoMesh) -> None:
    name = new_name()
    inside = asyncio.Event()

    async def work() -> None:
        async with mesh.lock(name):
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with mesh.lock(name) as lease:
        assert lease.previous is not None
        assert lease.previous.note == "The body was cancelled"


async def test_a_release_ends_although_its_caller_is_cancelled_meanwhile(
    faulty: Faulty, connect: Connect, mesh: ProtoMesh
) -> None:
    def script(request: Request) -> Do:
        return Do(forward=True, delay=0.3 if request.path.endswith("/release") else 0)

    name = new_name()
    server = faulty(script)

    async def work() -> None:
        async with connect(url=server.url).lock(name):
            pass

    task = asyncio.create_task(work())
    await until_async("it releases", lambda: [path for path in server.paths() if path.endswith("/release")])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await nothing_is_left(mesh, name)


async def test_taking_back_is_bounded_when_the_service_hangs(faulty: Faulty, connect: Connect) -> None:
    server = faulty([Do(hang=True)])
    task = asyncio.create_task(connect(url=server.url).locks.acquire("customer/123"))
    await until_async("it is sent", lambda: server.requests)
    began = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 2.5 < asyncio.get_running_loop().time() - began < 4


async def test_an_unreachable_service_ends_a_wait_and_the_request_is_taken_back(
    faulty: Faulty, connect: Connect, mesh: ProtoMesh
) -> None:
    def script(request: Request) -> Do:
        return Do(forward=True, delay=0) if request.path != "/v1/locks" else Do(503, b"")

    server = faulty(script)
    with pytest.raises(UnavailableError):
        await connect(url=server.url, retry_for=0.3).locks.acquire(new_name(), wait=0)
    assert server.paths()[-1] == "POST /v1/locks/cancel"


async def test_loss_cancels_the_body_and_becomes_a_lease_lost_error(mesh: ProtoMesh) -> None:
    name = new_name()
    cancelled = False
    with pytest.raises(LeaseLostError) as lost:
        async with mesh.lock(name, ttl=1.5) as lease:
            await mesh.locks.force_release(name, "it hangs", immediate=True)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled = True
                raise
    assert cancelled
    assert lost.value.problem.state == "force_released"
    assert lease.lost.is_set()
    task = asyncio.current_task()
    assert task is not None
    if hasattr(task, "cancelling"):
        assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_an_outer_cancellation_wins_over_a_loss(mesh: ProtoMesh) -> None:
    """As with asyncio.timeout: whoever cancels the task must see it cancelled."""
    name = new_name()
    inside = asyncio.Event()

    async def work() -> None:
        async with mesh.lock(name, ttl=30):
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await inside.wait()
    mesh.held[0]._lose(lease_lost("gone", "1.0"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_loss_that_the_body_finds_itself_is_raised_once(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(LeaseLostError):
        async with mesh.lock(name, auto_renew=False) as lease:
            await mesh.locks.force_release(name, "it hangs", immediate=True)
            await lease.renew()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_body_that_ignores_its_loss_hears_of_it_at_its_end(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(LeaseLostError):
        async with mesh.lock(name, ttl=1) as lease:
            await mesh.locks.force_release(name, "it hangs", immediate=True)
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            assert not lease.is_held


async def test_an_own_failure_of_the_body_is_not_replaced_by_the_loss(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(ZeroDivisionError):
        async with mesh.lock(name, ttl=1):
            await mesh.locks.force_release(name, "it hangs", immediate=True)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ZeroDivisionError from None


async def _length(mesh: ProtoMesh, name: str) -> int:
    return (await mesh.locks.queue(name)).queue_length


async def _held(mesh: ProtoMesh, name: str) -> object:
    return (await mesh.locks.queue(name)).held_by


@pytest.mark.parametrize("status", [401, 403, 404, 429])
async def test_a_waiter_is_taken_back_when_a_proxy_ends_its_wait(
    faulty: Callable[..., FaultServer], connect: Callable[..., ProtoMesh], mesh: ProtoMesh, status: int
) -> None:
    name = new_name()

    def script(request: Request) -> Do:
        if "/wait" in request.path:
            return (
                Do(status, {"type": "", "title": "no", "status": status, "code": "proxy_says_no"})
                if status == 429
                else Do(status, b"<html>", {"content-type": "text/html"})
            )
        return Do(forward=True)

    server = faulty(script)
    async with mesh.lock(name):
        with pytest.raises(MeshError):
            await connect("b", url=server.url).locks.acquire(name, wait=30, on_queued=lambda _: None)
        assert any(path.endswith("/cancel") for path in server.paths())
        assert await _length(mesh, name) == 0
