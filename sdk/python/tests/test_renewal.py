"""Leases that live on, and leases that are lost in time."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timezone

import httpx
import pytest

from faults import Do, FaultServer, Request, problem
from helpers import GRANT, new_name, renewed, until, until_async
from protomesh import LeaseLostError, ProtoMesh, SyncProtoMesh, UnavailableError
from service import Service

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]
ConnectSync = Callable[..., SyncProtoMesh]


def renewals(server: FaultServer) -> list[Request]:
    return [request for request in server.requests if "/renew" in request.path]


async def test_a_lease_lives_on_past_its_time_to_live(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name, ttl=2) as lease:
        began = asyncio.get_running_loop().time()
        await until_async("more than two lifetimes", lambda: asyncio.get_running_loop().time() - began > 5)
        assert lease.is_held
        assert await mesh.locks.try_acquire(name) is None


async def test_leases_of_one_client_are_renewed_in_one_call(faulty: Faulty, connect: Connect) -> None:
    server = faulty(lambda _: Do(forward=True))
    mesh = connect(url=server.url)
    leases = await asyncio.gather(*(mesh.locks.acquire(new_name(), ttl=4) for _ in range(20)))
    first = (await until_async("a round", lambda: renewals(server)))[0]
    assert first.path == "/v1/locks/renew"
    assert len(first.json["locks"]) == 20
    assert all(lease.is_held for lease in leases)
    await asyncio.gather(*(lease.release() for lease in leases))


async def test_a_renewal_comes_at_a_third_of_the_time_to_live_or_up_to_a_tenth_earlier(
    faulty: Faulty, connect: Connect
) -> None:
    server = faulty(lambda _: Do(forward=True))
    lease = await connect(url=server.url).locks.acquire(new_name(), ttl=3)
    await until_async("it is renewed", lambda: renewals(server))
    assert 0.75 < renewals(server)[0].at - server.requests[0].at < 1.3
    await lease.release()


async def test_loss_is_told_before_the_service_frees_the_resource_when_renewals_hang(
    faulty: Faulty, connect: Connect, mesh: ProtoMesh
) -> None:
    server = faulty(lambda request: Do(forward="/renew" not in request.path, hang="/renew" in request.path))
    name = new_name()
    lease = await connect(url=server.url).locks.acquire(name, ttl=3)
    told: list[datetime] = []
    lease._when_lost(lambda: told.append(datetime.now(timezone.utc)))
    await asyncio.wait_for(lease.lost.wait(), 10)
    assert not lease.is_held
    assert told[0] < lease.grant.expires_at, "it must still be ours when we stop"
    assert renewals(server)
    with pytest.raises(LeaseLostError) as lost:
        lease.check()
    assert lost.value.problem.ended_because == "expired"
    await until_async("it expires", lambda: _is_free(mesh, name))


def test_loss_is_told_in_time_to_a_thread_too(faulty: Faulty, connect_sync: ConnectSync) -> None:
    server = faulty(lambda request: Do(forward="/renew" not in request.path, hang="/renew" in request.path))
    lease = connect_sync(url=server.url).locks.acquire(new_name(), ttl=3)
    told: list[datetime] = []
    lease._when_lost(lambda: told.append(datetime.now(timezone.utc)))
    assert lease.lost.wait(10)
    until("it is told", lambda: told)
    assert told[0] < lease.grant.expires_at
    with pytest.raises(LeaseLostError):
        lease.check()


async def test_a_call_that_hangs_holds_up_only_its_own_leases(faulty: Faulty, connect: Connect) -> None:
    def script(request: Request) -> Do:
        return Do(forward=True, hang=b"hang me" in request.body and "/renew" in request.path)

    server = faulty(script)
    mesh = connect(url=server.url)
    stuck = await mesh.locks.acquire(new_name(), ttl=2)
    fine = await mesh.locks.acquire(new_name(), ttl=2)
    stuck.report_progress("hang me")
    await asyncio.wait_for(stuck.lost.wait(), 10)
    assert fine.is_held
    await fine.release()


async def test_max_hold_ends_a_lease_that_renews_itself(mesh: ProtoMesh) -> None:
    lease = await mesh.locks.acquire(new_name(), ttl=1, max_hold=1.5)
    await asyncio.wait_for(lease.lost.wait(), 10)
    with pytest.raises(LeaseLostError, match="end of its maximal hold") as lost:
        lease.check()
    assert lost.value.problem.ended_because == "max_hold"


async def test_the_deadline_counts_from_the_moment_the_request_was_sent(faulty: Faulty, connect: Connect) -> None:
    """An answer that was long on its way does not lengthen the lease, and a long poll does not shorten it."""
    server = faulty([Do(200, {**GRANT, "expires_in_ms": 3000}, delay=1), problem("lock_unknown", 404)])
    late = await connect(url=server.url).locks.acquire("customer/123", auto_renew=False)
    assert 1.5 < late.remaining < 2
    polled = faulty([Do(200, {**GRANT, "expires_in_ms": 3000, "served_ms": 1000}, delay=1), problem("gone", 404)])
    full = await connect(url=polled.url).locks.acquire("customer/123", auto_renew=False)
    assert 2.5 < full.remaining < 3


async def test_a_refused_renewal_loses_only_the_lease_it_names(faulty: Faulty, connect: Connect) -> None:
    grants = iter([{**GRANT, "lock_id": f"request-{n}.0", "expires_in_ms": 1500} for n in range(2)])
    lost = {"type": "", "title": "t", "status": 410, "code": "lease_lost", "detail": "It is over.", "retryable": False}

    def script(request: Request) -> Do:
        if request.path == "/v1/locks":
            return Do(200, next(grants))
        if request.path == "/v1/locks/renew":
            results = [
                {"lock_id": one["lock_id"], "problem": lost}
                if one["lock_id"] == "request-0.0"
                else renewed(one["lock_id"])
                for one in request.json["locks"]
            ]
            return Do(200, {"results": results})
        return Do(200, {"lock_id": "request-1.0", "state": "released"})

    mesh = connect(url=faulty(script).url)
    one, two = [await mesh.locks.acquire(f"customer/{n}") for n in range(2)]
    await asyncio.wait_for(one.lost.wait(), 5)
    assert two.is_held
    assert mesh.held == (two,)
    await two.release()


async def test_a_renewal_that_a_release_overtakes_is_no_loss(faulty: Faulty, connect: Connect) -> None:
    gone = {
        "type": "",
        "title": "t",
        "status": 410,
        "code": "lease_lost",
        "detail": "It was released.",
        "state": "released",
    }

    def script(request: Request) -> Do:
        if request.path == "/v1/locks":
            return Do(200, {**GRANT, "expires_in_ms": 3000})
        if request.path == "/v1/locks/renew":
            return Do(200, {"results": [{"lock_id": GRANT["lock_id"], "problem": gone}]}, delay=0.3)
        return Do(200, {"lock_id": GRANT["lock_id"], "state": "released"}, delay=1)

    server = faulty(script)
    lease = await connect(url=server.url).locks.acquire("customer/123")
    lease._renew_at = 0
    lease._renewals._ticker.plan(0)
    await until_async("a renewal is on its way", lambda: renewals(server))
    await lease.release()
    assert not lease.lost.is_set()


async def test_a_progress_text_that_the_service_refuses_does_not_stop_the_renewals(
    mesh: ProtoMesh, caplog: pytest.LogCaptureFixture
) -> None:
    async with mesh.lock(new_name(), ttl=1.5) as lease:
        with caplog.at_level(logging.WARNING, "protomesh"):
            lease.report_progress("x" * 501)
            await until_async("it is logged", lambda: caplog.records)
        began = asyncio.get_running_loop().time()
        await until_async("two lifetimes", lambda: asyncio.get_running_loop().time() - began > 3)
        assert lease.is_held


async def test_closing_a_client_warns_of_what_is_held_and_releases_nothing(
    connect: Connect, mesh: ProtoMesh, caplog: pytest.LogCaptureFixture
) -> None:
    name = new_name()
    with caplog.at_level(logging.WARNING, "protomesh"):
        async with connect() as other:
            lease = await other.locks.acquire(name, ttl=1.5)
    assert name in caplog.text
    assert (await mesh.locks.get(lease.lock_id)).state == "granted"
    caplog.clear()
    with caplog.at_level(logging.WARNING, "protomesh"):
        async with connect() as idle:
            await idle.health()
    assert not caplog.records


def test_one_thread_renews_what_a_synchronous_client_holds(connect_sync: ConnectSync) -> None:
    import threading

    others = set(threading.enumerate())
    mesh = connect_sync()
    leases = [mesh.locks.acquire(new_name(), ttl=1) for _ in range(5)]
    before = leases[0]._deadline
    until("it is renewed twice", lambda: leases[0]._deadline > before + 0.5)
    names = [thread.name for thread in set(threading.enumerate()) - others if thread.name.startswith("protomesh")]
    assert sorted(names) == ["protomesh-renewals", "protomesh-renewing"]
    assert all(thread.daemon for thread in threading.enumerate() if thread.name in names)
    for lease in leases:
        lease.release()


class Counting(httpx.AsyncBaseTransport):
    """Passes everything on and keeps its path."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=50))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_leases_take_at_most_fifty_requests_an_interval(service: Service) -> None:
    counting = Counting()
    run = new_name("many")
    async with (
        httpx.AsyncClient(transport=counting, timeout=None) as http,
        ProtoMesh(service.url, http_client=http) as mesh,
    ):
        gate = asyncio.Semaphore(40)

        async def take(number: int) -> None:
            async with gate:
                await mesh.locks.acquire(f"{run}/{number}", ttl=45)

        await asyncio.gather(*(take(number) for number in range(10_000)))
        leases = mesh.held
        assert len(leases) == 10_000
        counting.paths.clear()
        before = {lease: lease._deadline for lease in leases}
        interval = 45 / 3
        await asyncio.sleep(interval)
        renewing = [path for path in counting.paths if path.endswith("/renew")]
        print(f"10,000 leases: {len(renewing)} requests in an interval of {interval:.0f} s")
        assert len(renewing) <= 50
        await until_async("all are renewed", lambda: all(lease._deadline > before[lease] for lease in leases), 10)
        assert all(lease.is_held for lease in leases)
        for lease in leases:
            lease.ticket()


async def test_a_lease_is_lost_at_its_deadline_also_after_its_client_was_closed(connect: Connect) -> None:
    mesh, entered, ended = connect(), asyncio.Event(), asyncio.Event()
    lease = await mesh.locks.acquire(new_name(), ttl=1)

    async def work() -> None:
        async with mesh.lock(new_name(), ttl=1):
            entered.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

    working = asyncio.ensure_future(work())
    await entered.wait()
    await mesh.close()
    await asyncio.wait_for(lease.lost.wait(), 5)
    await asyncio.wait_for(ended.wait(), 5)
    with pytest.raises(LeaseLostError):
        await working


def test_a_thread_hears_of_a_loss_also_after_its_client_was_closed(connect_sync: ConnectSync) -> None:
    mesh = connect_sync()
    lease = mesh.locks.acquire(new_name(), ttl=1)
    mesh.close()
    assert lease.lost.wait(5)


async def test_a_lease_whose_release_failed_is_renewed_no_more_and_lost_at_its_deadline(
    faulty: Faulty, connect: Connect
) -> None:
    server = faulty(
        lambda request: problem("store_unavailable", 503) if "/release" in request.path else Do(forward=True)
    )
    lease = await connect(url=server.url, retry_for=0.1).locks.acquire(new_name(), ttl=1.5)
    with pytest.raises(UnavailableError):
        await lease.release()
    assert lease.is_held
    await asyncio.wait_for(lease.lost.wait(), 5)
    assert renewals(server) == []


async def test_a_transfer_that_failed_leaves_the_lease_renewed(faulty: Faulty, connect: Connect) -> None:
    server = faulty(
        lambda request: problem("store_unavailable", 503) if "/transfer" in request.path else Do(forward=True)
    )
    lease = await connect(url=server.url, retry_for=0.1).locks.acquire(new_name(), ttl=1)
    with pytest.raises(UnavailableError):
        await lease.transfer("b")
    before = lease._deadline
    await until_async("it is renewed", lambda: lease._deadline > before, 5)
    await lease.release()


async def test_progress_may_be_reported_from_a_thread(mesh: ProtoMesh) -> None:
    lease = await mesh.locks.acquire(new_name(), ttl=60)
    await asyncio.to_thread(lease.report_progress, "half done")
    await until_async("it is sent", lambda: not lease._has_progress)
    assert (await mesh.locks.get(lease.lock_id)).progress is not None
    await lease.release()


def test_a_renewal_for_which_there_is_no_thread_is_tried_again(
    connect_sync: ConnectSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh, start, refused = connect_sync(), threading.Thread.start, threading.Event()
    lease = mesh.locks.acquire(new_name(), ttl=2)

    def start_no_renewal(thread: threading.Thread) -> None:
        if thread.name == "protomesh-renewing":
            refused.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_no_renewal)
    assert refused.wait(5)
    monkeypatch.undo()
    before = lease._deadline
    until("it is renewed", lambda: lease._deadline > before, 5)
    lease.release()


def test_a_loss_is_told_although_no_renewal_finds_a_thread(
    connect_sync: ConnectSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh, start = connect_sync(), threading.Thread.start

    def start_no_renewal(thread: threading.Thread) -> None:
        if thread.name == "protomesh-renewing":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_no_renewal)
    assert mesh.locks.acquire(new_name(), ttl=1).lost.wait(5)


def test_a_lease_acquired_after_one_that_had_no_thread_is_watched(
    connect_sync: ConnectSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh, start = connect_sync(), threading.Thread.start

    def start_no_watch(thread: threading.Thread) -> None:
        if thread.name == "protomesh-renewals":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_no_watch)
    first = mesh.locks.acquire(new_name(), ttl=60)
    monkeypatch.undo()
    with mesh.lock(new_name(), ttl=1) as second:
        before = second._deadline
        until("it is renewed", lambda: second._deadline > before, 5)
    first.release()


async def _is_free(mesh: ProtoMesh, name: str) -> bool:
    return not (await mesh.locks.queue(name)).held_by
