"""The synchronous client: what is not the asynchronous one's code without `await`."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

import httpx
import pytest

from helpers import new_name, until
from protomesh import LeaseLostError, LockHeldError, LockTimeoutError, ProtoMesh, SyncLease, SyncProtoMesh

ConnectSync = Callable[..., SyncProtoMesh]


@pytest.fixture
def mesh(connect_sync: ConnectSync) -> SyncProtoMesh:
    return connect_sync()


def test_a_lease_is_held_until_its_body_ends(mesh: SyncProtoMesh) -> None:
    name = new_name()
    with mesh.lock(name, ttl=5) as lease:
        assert lease.is_held
        assert mesh.held == (lease,)
        assert mesh.locks.try_acquire(name) is None
        with pytest.raises(LockHeldError):
            mesh.locks.acquire(name, wait=0)
    assert mesh.locks.get(lease.lock_id).state == "released"
    with mesh.locks.acquire(name) as again:
        assert again.previous is not None


def test_threads_wait_for_each_other(connect_sync: ConnectSync) -> None:
    mesh = connect_sync()
    name = new_name()
    count = 0

    def work() -> None:
        nonlocal count
        with mesh.lock(name, wait=30):
            seen = count
            threading.Event().wait(0.005)
            count = seen + 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count == 8


def test_a_wait_ends_as_a_timeout(mesh: SyncProtoMesh) -> None:
    name = new_name()
    with mesh.lock(name), pytest.raises(LockTimeoutError):
        mesh.locks.acquire(name, wait=0.2)


def test_a_loss_is_raised_when_the_body_ends(mesh: SyncProtoMesh) -> None:
    name = new_name()
    with pytest.raises(LeaseLostError), mesh.lock(name, ttl=1.5) as lease:
        mesh.locks.force_release(name, "it hangs", immediate=True)
        assert lease.lost.wait(10)


def test_an_interrupted_wait_is_taken_back(connect_sync: ConnectSync) -> None:
    """As Ctrl+C does: an exception out of nowhere while the answer is awaited."""
    mesh = connect_sync()
    name = new_name()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with connect_sync().lock(name):
        with pytest.raises(KeyboardInterrupt):
            mesh.locks.acquire(name, on_queued=interrupt)
        assert connect_sync().locks.queue(name).queue_length == 0


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (lambda mesh: mesh.locks.acquire("a/b"), r"await mesh\.locks\.acquire"),
        (lambda mesh: mesh.lock("a/b").__enter__(), r"async with mesh\.lock"),
        (lambda mesh: mesh.guard("act", "a/b").__enter__(), r"async with mesh\.guard"),
        (lambda mesh: next(mesh.events.stream()), r"async for event in mesh\.events\.stream"),
    ],
)
async def test_a_call_that_would_stop_the_event_loop_is_refused(
    call: Callable[[SyncProtoMesh], object], instead: str, connect_sync: ConnectSync
) -> None:
    with pytest.raises(RuntimeError, match=instead):
        call(connect_sync())


async def test_a_call_that_does_not_wait_is_taken_inside_an_event_loop(connect_sync: ConnectSync) -> None:
    mesh = connect_sync()
    lease = mesh.locks.try_acquire(new_name())
    assert lease is not None
    assert mesh.policies.check("read").allowed
    lease.release()
    elsewhere = await asyncio.to_thread(mesh.locks.acquire, new_name())
    elsewhere.release()


async def test_the_twin_has_the_settings_of_its_client(connect: Callable[..., ProtoMesh]) -> None:
    mesh = connect("twin-agent", namespace="blue", session_id="s1")
    lease = mesh.sync.locks.try_acquire(new_name())
    assert lease is not None
    assert (lease.agent_id, lease.grant.namespace, lease.grant.session_id) == ("twin-agent", "blue", "s1")
    assert mesh.sync is mesh.sync
    lease.release()


async def test_the_twin_of_a_client_with_an_http_client_has_one_too_or_is_refused(
    connect: Callable[..., ProtoMesh],
) -> None:
    seen: list[str] = []

    def hear(request: httpx.Request) -> None:
        seen.append(request.url.path)

    async with httpx.AsyncClient() as http:
        with pytest.raises(RuntimeError, match="sync_http_client"):
            _ = connect(http_client=http).sync
        with httpx.Client(event_hooks={"request": [hear]}) as sync_http:
            mesh = connect(http_client=http, sync_http_client=sync_http)
            await asyncio.to_thread(mesh.sync.health)
            await mesh.close()
            assert seen == ["/health"]
            assert not sync_http.is_closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_another_agent_unless_it_was_given_a_name(connect_sync: ConnectSync) -> None:
    unnamed, named = connect_sync(agent_id=None), connect_sync("a")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{unnamed.agent_id} {named.agent_id}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    other, same = os.read(reading, 1000).decode().split()
    assert other != unnamed.agent_id
    assert same == named.agent_id == "a"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_renews_nothing_of_its_parent_and_can_lock_itself(connect_sync: ConnectSync) -> None:
    mesh = connect_sync()
    name = new_name()
    lease = mesh.locks.acquire(name, ttl=1)
    before = lease._deadline
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = [str(mesh.held), str(lease.is_held)]
            with mesh.lock(new_name(), ttl=1) as own:
                first = own._deadline
                until("its own lease is renewed", lambda: own._deadline > first + 0.5)
                said.append(str(len(mesh.held)))
            lease._close()
            os.write(writing, " ".join(said).encode())
        except BaseException as fault:
            os.write(writing, repr(fault).encode())
        finally:
            os._exit(0)
    os.close(writing)
    until("the parent's lease is renewed", lambda: lease._deadline > before + 0.5)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "() True 1"
    os.waitpid(child, 0)
    assert mesh.locks.get(lease.lock_id).state == "granted"
    lease.release()


def test_a_client_that_is_idle_keeps_no_threads(connect_sync: ConnectSync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protomesh._sync.runtime._IDLE", 0.1)

    def ours() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("protomesh")]

    until("others' threads are gone", lambda: not ours(), 30)
    lease: SyncLease = connect_sync().locks.acquire(new_name(), ttl=1)
    before = lease._deadline
    until("it is renewed", lambda: lease._deadline > before)
    assert ours()
    lease.release()
    until("no thread is left", lambda: not ours())
