"""The first version's client over the new service: the same methods and answers, and no Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from faults import Do, FaultServer, Request
from helpers import new_name, until_async
from protomesh import ProtoMesh
from protomesh.sdk.client import ProtoMeshClient
from service import Service

Faulty = Callable[..., FaultServer]


@pytest.fixture
async def agent(service: Service) -> AsyncIterator[Callable[..., ProtoMeshClient]]:
    made: list[ProtoMeshClient] = []

    def make(agent_id: str, url: str | None = None) -> ProtoMeshClient:
        made.append(ProtoMeshClient(url or service.url, agent_id))
        return made[-1]

    yield make
    for client in made:
        await client.close()


def names() -> tuple[str, str]:
    kind, _, rest = new_name().partition("/")
    return kind, rest


async def test_three_agents_at_priority_10_5_and_8_work_in_the_order_10_8_5(
    agent: Callable[..., ProtoMeshClient], mesh: ProtoMesh
) -> None:
    kind, name = names()
    balance = 1000
    order: list[int] = []
    holder = agent("holder")
    held = await holder.acquire_lock(kind, name)
    assert held["status"] == "acquired"
    assert held["expires_in"] == 300

    async def work(priority: int) -> None:
        nonlocal balance
        client = agent(f"agent-{priority}")
        lock = await client.acquire_lock(kind, name, priority=priority, wait=True, max_wait_seconds=60)
        assert lock["status"] == "acquired"
        seen = balance
        await asyncio.sleep(0.02)
        balance = seen + 50
        order.append(priority)
        assert (await client.release_lock(lock["lock_id"]))["status"] == "released"

    working = [asyncio.create_task(work(priority)) for priority in (10, 5, 8)]

    async def all_wait() -> bool:
        return (await mesh.locks.queue(f"{kind}/{name}")).queue_length == 3

    await until_async("three wait", all_wait, 30)
    assert await holder.release_lock(held["lock_id"]) == {"status": "released", "next_agent": "agent-10"}
    await asyncio.gather(*working)
    assert order == [10, 8, 5]
    assert balance == 1150
    assert not (await mesh.locks.queue(f"{kind}/{name}")).held_by


async def test_answers_are_those_of_the_first_version(agent: Callable[..., ProtoMeshClient]) -> None:
    kind, name = names()
    one, two = agent("one"), agent("two")
    lock = await one.acquire_lock(kind, name)
    queued = await two.acquire_lock(kind, name)
    assert (queued["status"], queued["position"]) == ("queued", 1)
    assert (await one.acquire_lock(kind, name))["status"] == "error"
    status = await two.check_lock(lock["lock_id"])
    assert (status["status"], status["agent_id"], status["resource_id"]) == ("active", "one", name)
    assert await two.release_lock(lock["lock_id"]) == {
        "status": "error",
        "message": "Permission denied: not lock owner",
    }
    assert await one.release_lock(lock["lock_id"]) == {"status": "released", "next_agent": "two"}
    assert (await two.check_lock(queued["lock_id"]))["status"] == "active"
    assert (await two.release_lock(queued["lock_id"]))["status"] == "released"
    assert await one.check_lock(lock["lock_id"]) == {"status": "expired"}
    decision = await one.check_policy("spend", {"estimated_cost": 500})
    assert decision["allowed"] is False
    assert decision["reason"].startswith("Cost $500 exceeds limit $100")


async def test_a_wait_that_ends_leaves_nothing_in_the_queue(
    agent: Callable[..., ProtoMeshClient], mesh: ProtoMesh
) -> None:
    kind, name = names()
    lock = await agent("one").acquire_lock(kind, name)
    with pytest.raises(TimeoutError, match="Failed to acquire lock after 1s"):
        await agent("two").acquire_lock(kind, name, wait=True, max_wait_seconds=1)
    waiting = asyncio.create_task(agent("three").acquire_lock(kind, name, wait=True))

    async def waits() -> bool:
        return (await mesh.locks.queue(f"{kind}/{name}")).queue_length == 1

    await until_async("it waits", waits)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await mesh.locks.queue(f"{kind}/{name}")).queue_length == 0
    await agent("one").release_lock(lock["lock_id"])


async def test_a_wait_goes_on_after_broken_connections(agent: Callable[..., ProtoMeshClient], faulty: Faulty) -> None:
    waits = 0

    def script(request: Request) -> Do:
        nonlocal waits
        waits += request.path.endswith("/wait")
        return Do(reset=True) if request.path.endswith("/wait") and waits <= 2 else Do(forward=True)

    kind, name = names()
    lock = await agent("one").acquire_lock(kind, name)
    waiting = asyncio.create_task(agent("two", faulty(script).url).acquire_lock(kind, name, wait=True))
    await until_async("it has tried", lambda: waits >= 3)
    await agent("one").release_lock(lock["lock_id"])
    got = await waiting
    assert got["status"] == "acquired"
    await agent("two").release_lock(got["lock_id"])


async def test_a_refused_call_is_an_error_of_httpx_as_it_was(agent: Callable[..., ProtoMeshClient]) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        await agent("one").acquire_lock("", "")
