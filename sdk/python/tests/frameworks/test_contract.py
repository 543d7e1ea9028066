"""What a protected tool promises, in every framework."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers import new_name, until, until_async
from people import new_space
from protomesh import ProtoMesh, SyncProtoMesh
from protomesh._integrations.calls import current_guard
from service import Service

from .rigs import Calls, Rig, Script, follow
from .work import Desk, either, holders, update_tool, waiting

Connect = Callable[..., ProtoMesh]
TESTS = Path(__file__).resolve().parents[1]
RULE = "customer/{customer_id}"


def new_customer() -> str:
    return new_name().partition("/")[2]


async def test_two_agents_in_one_process_work_one_after_the_other(rig: Rig, connect: Connect) -> None:
    customer, desk = new_customer(), Desk()
    update = update_tool(rig, desk)

    def script() -> Script:
        return follow([("update", {"customer_id": customer})], "done")

    both = await asyncio.gather(
        rig.run(connect("a"), {"update": RULE}, [update], script()),
        rig.run(connect("b"), {"update": RULE}, [update], script()),
    )
    assert [told.read for told in both] == [[f"updated {customer}"]] * 2
    assert [told.answer for told in both] == ["done"] * 2
    assert (desk.done, desk.most_at_once) == (2, 1)
    assert len(set(desk.tokens)) == 2
    assert desk.tokens == sorted(desk.tokens)


class Workers:
    """Agents in processes of their own."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self.file = folder / "number"
        self.file.write_text("0")
        self.started: list[subprocess.Popen[str]] = []

    def start(self, rig: Rig, agent: str, customer: str, runs: int, how: str = "work") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "frameworks.worker", rig.name, self._service.url, agent, customer]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])}
        process = subprocess.Popen(
            [*command, str(self.file), str(runs), how],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def go(self, *agents: str) -> None:
        """When all are ready, for the frameworks take seconds to import."""
        for agent in agents:
            until(f"{agent} is ready", self.file.with_suffix(f".{agent}").exists, 60)
        self.file.with_suffix(".go").touch()

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def workers(service: Service, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(service, tmp_path)
    yield workers
    workers.close()


@pytest.mark.slow
@pytest.mark.needs("is_main")
async def test_two_agents_in_two_processes_lose_no_update(rig: Rig, workers: Workers) -> None:
    customer = new_customer()
    both = [workers.start(rig, agent, customer, 3) for agent in ("a", "b")]
    workers.go("a", "b")
    for process in both:
        said, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, said
    assert workers.file.read_text() == "6"


@pytest.mark.slow
@pytest.mark.needs("is_main")
async def test_when_a_holder_dies_the_next_one_has_it(rig: Rig, workers: Workers, connect: Connect) -> None:
    customer, desk = new_customer(), Desk()
    process = workers.start(rig, "dying", customer, 1, "hang")
    workers.go("dying")
    await until_async("it holds", workers.file.with_suffix(".holding").exists)
    process.send_signal(signal.SIGKILL)
    previous: list[Any] = []

    def update(customer_id: str) -> str:
        """Updates a customer."""
        lease = current()
        assert lease is not None
        previous.append(lease.previous)
        desk.begin()
        desk.end()
        return "updated"

    script = follow([("update", {"customer_id": customer})], "done")
    told = await rig.run(connect("next"), {"update": RULE}, [either(rig, "update", update)], script)
    assert told.read == ["updated"]
    assert previous[0].agent_id == "dying"
    assert previous[0].ended == "expired"


def current() -> Any:
    from protomesh._integrations.calls import current_lease

    return current_lease()


async def test_a_model_reads_why_it_may_not_and_does_less(rig: Rig, connect: Connect) -> None:
    spent: list[float] = []

    def buy(item: str, cost: float) -> str:
        """Buys something."""
        spent.append(cost)
        return f"bought {item} for {cost:g}"

    def script(read: list[str]) -> Calls | str:
        if not read:
            return [("buy", {"item": "a desk", "cost": 500})]
        limit = re.search(r"exceeds limit \$(\d+)", read[-1])
        if limit is not None:
            return [("buy", {"item": "a chair", "cost": int(limit[1])})]
        return "I " + read[-1]

    rules = {"buy": {"action": "spend", "metadata": {"estimated_cost": "{cost}"}}}
    told = await rig.run(connect("a"), rules, [either(rig, "buy", buy)], script)
    assert "Not done: spend. Cost $500 exceeds limit $100" in told.read[0]
    assert told.answer == "I bought a chair for 100"
    assert spent == [100]


async def test_a_model_reads_who_decides_and_asks_again_when_they_have(rig: Rig, connect: Connect) -> None:
    space = await new_space(connect)
    mesh, people, paid = connect("a", namespace=space), connect("ann").sync, list[str]()

    def refund(customer_id: str) -> str:
        """Refunds a customer."""
        paid.append(customer_id)
        return f"refunded {customer_id}"

    def rest() -> str:
        """Does other work."""
        return "rested"

    def script(read: list[str]) -> Calls | str:
        asked = re.search(r"has to approve this: (\S+)\.", read[-1]) if read else None
        if asked is not None:
            people.approvals.approve(asked[1], approver="ann")
            # CrewAI refuses the same call at once again.
            return [("rest", {})]
        return "I refunded it" if "refunded 1" in read else [("refund", {"customer_id": "1"})]

    rules: Any = {"refund": {"resource": RULE, "metadata": {"amount": 500}}}
    told = await rig.run(mesh, rules, [either(rig, "refund", refund), either(rig, "rest", rest)], script)
    assert told.read[0].startswith("Not done: refund. A person has to see this.")
    assert told.answer == "I refunded it"
    assert paid == ["1"]


BUDGET = """
apiVersion: protomesh.dev/policy/v1
name: ours
defaults: { effect: allow }
metadata:
  cost: { type: number, default: 0 }
budgets:
  team: { unit: usd, cap: 10, window: lifetime }
rules:
  - id: pay
    actions: [buy]
    require: { budget: { names: [team], amount: metadata.cost } }
"""


async def test_a_tool_says_what_it_did_cost(rig: Rig, connect: Connect) -> None:
    mesh = connect("a", namespace=await new_space(connect, BUDGET))

    def buy(cost: float) -> str:
        """Buys something."""
        guard = current_guard()
        assert guard is not None
        guard.spent(1_500_000)
        return "bought"

    rules: Any = {"buy": {"resource": "shop/1", "metadata": {"cost": "{cost}"}}}
    script = follow([("buy", {"cost": 3})], [("buy", {"cost": 9})], "done")
    told = await rig.run(mesh, rules, [either(rig, "buy", buy)], script)
    assert told.read[0] == "bought"
    assert told.read[1].startswith("Not done: buy. team")
    usage = await mesh.budgets.usage("team")
    assert (usage.spent, usage.held) == (1_500_000, 0)


async def test_a_model_reads_who_holds_it_and_does_other_work(rig: Rig, connect: Connect) -> None:
    customer, desk = new_customer(), Desk()

    def rest() -> str:
        """Does other work."""
        return "did other work"

    def script(read: list[str]) -> Calls | str:
        if not read:
            return [("update", {"customer_id": customer})]
        return [("rest", {})] if "is held by b (refund #42)" in read[-1] else read[-1]

    rules = {"update": {"resource": RULE, "wait": 0}}
    async with connect("b").lock(f"customer/{customer}", reason="refund #42"):
        tools = [update_tool(rig, desk), either(rig, "rest", rest)]
        told = await rig.run(connect("a"), rules, tools, script)
    assert told.read[0].startswith("Not done: update.")
    assert told.answer == "did other work"
    assert desk.started == 0


@pytest.mark.needs("can_cancel")
async def test_a_run_that_is_cancelled_while_it_waits_leaves_nothing(rig: Rig, connect: Connect) -> None:
    customer, desk, mesh = new_customer(), Desk(), connect("a")
    resource = f"customer/{customer}"
    async with connect("b").lock(resource):
        script = follow([("update", {"customer_id": customer})], "done")
        run = asyncio.ensure_future(rig.run(mesh, {"update": RULE}, [update_tool(rig, desk)], script))
        await until_async("it waits", lambda: waiting(mesh, resource))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await until_async("nobody waits", lambda: nobody_waits(mesh, resource), 3)
    await asyncio.sleep(0.3)
    assert await holders(mesh, resource) == 0
    assert desk.started == 0


async def nobody_waits(mesh: ProtoMesh, resource: str) -> bool:
    return await waiting(mesh, resource) == 0


@pytest.mark.needs("is_parallel")
async def test_parallel_calls_of_one_agent_take_turns_on_one_resource(rig: Rig, connect: Connect) -> None:
    customer, desk = new_customer(), Desk()
    calls: Calls = [("update", {"customer_id": customer})] * 3
    told = await rig.run(connect("a"), {"update": RULE}, [update_tool(rig, desk)], follow(calls, "done"))
    assert told.read == [f"updated {customer}"] * 3
    assert (desk.done, desk.most_at_once) == (3, 1)


@pytest.mark.needs("is_parallel")
async def test_parallel_calls_of_one_agent_run_at_once_on_different_ones(rig: Rig, connect: Connect) -> None:
    desk = Desk()

    def update(customer_id: str) -> Any:
        """Updates a customer."""
        desk.begin()
        if not rig.is_async:
            until("all three work", lambda: desk.most_at_once == 3, 10)
            return "updated"

        async def rest() -> str:
            await until_async("all three work", lambda: desk.most_at_once == 3, 10)
            return "updated"

        return rest()

    calls: Calls = [("update", {"customer_id": new_customer()}) for _ in range(3)]
    tools = [either(rig, "update", update)]
    told = await rig.run(connect("a"), {"update": RULE}, tools, follow(calls, "done"))
    assert told.read == ["updated"] * 3
    assert desk.most_at_once == 3


async def test_a_model_reads_that_its_lease_was_lost_meanwhile(rig: Rig, connect: Connect) -> None:
    customer, mesh, operator = new_customer(), connect("a"), connect("operator")
    stopped: list[bool] = []

    def update(customer_id: str) -> Any:
        """Updates a customer."""
        lease = current()
        if not rig.is_async:
            lease.lost.wait(10)
            return "updated"

        async def rest() -> str:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                stopped.append(True)
                raise
            return "updated"

        return rest()

    script = follow([("update", {"customer_id": customer})], "done")
    rules = {"update": {"resource": RULE, "ttl": 3}}
    run = asyncio.ensure_future(rig.run(mesh, rules, [either(rig, "update", update)], script))
    await until_async("it holds", lambda: holders(operator, f"customer/{customer}"))
    await operator.locks.force_release(f"customer/{customer}", "stuck", immediate=True)
    told = await run
    assert told.read[0].startswith("update may be half done: ")
    assert told.answer == "done"
    assert stopped == ([True] if rig.is_async else [])


async def test_a_failed_tool_lets_go_and_says_so_to_the_next(rig: Rig, connect: Connect) -> None:
    customer = new_customer()

    def update(customer_id: str) -> str:
        """Updates a customer."""
        raise ZeroDivisionError

    def script(read: list[str]) -> Calls | str:
        return [("update", {"customer_id": customer})] if not read else "done"

    try:
        told = await rig.run(connect("a"), {"update": RULE}, [either(rig, "update", update)], script)
    except ZeroDivisionError:
        pass  # What becomes of a tool's own error is the framework's affair.
    else:
        assert told.read[0] != "updated"
    async with connect("b").lock(f"customer/{customer}", wait=5) as lease:
        assert lease.previous is not None
        assert lease.previous.agent_id == "a"
        assert lease.previous.ended == "released"
        assert lease.previous.note == "update failed: ZeroDivisionError"


async def test_arguments_that_name_nothing_keep_the_tool_from_running(rig: Rig, connect: Connect) -> None:
    desk = Desk()
    script = follow([("update", {"customer_id": " "})], "done")
    told = await rig.run(connect("a"), {"update": RULE}, [update_tool(rig, desk)], script)
    assert told.read[0].startswith("Not done: update.")
    assert "customer_id is empty" in told.read[0]
    assert desk.started == 0


async def test_without_the_service_a_tool_does_not_run_unless_it_may(rig: Rig, connect: Connect) -> None:
    desk = Desk()
    away = connect("a", "http://127.0.0.1:9", retry_for=0.1)

    def script() -> Script:
        return follow([("update", {"customer_id": "1"})], "done")

    closed: Any = {"update": {"resource": RULE, "wait": 0}}
    told = await rig.run(away, closed, [update_tool(rig, desk)], script())
    assert told.read[0].startswith("Not done: update.")
    assert desk.started == 0
    opened = {"update": {"resource": RULE, "wait": 0, "on_unavailable": "open"}}
    told = await rig.run(away, opened, [update_tool(rig, desk)], script())
    assert told.read == ["updated 1"]


async def test_a_tool_without_a_rule_runs_as_it_is(rig: Rig, connect: Connect) -> None:
    away = connect("a", "http://127.0.0.1:9", retry_for=0.1)
    script = follow([("update", {"customer_id": "1"})], "done")
    told = await rig.run(away, {"other": RULE}, [update_tool(rig, Desk())], script)
    assert told.read == ["updated 1"]


@pytest.mark.needs("is_async")
async def test_a_thread_that_cannot_be_stopped_keeps_its_lease_until_it_ends(rig: Rig, connect: Connect) -> None:
    customer, desk, mesh, other = new_customer(), Desk(), connect("a"), connect("b")

    def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        time.sleep(1.0)
        desk.end()
        return "updated"

    script = follow([("update", {"customer_id": customer})], "done")
    run = asyncio.ensure_future(rig.run(mesh, {"update": RULE}, [update], script))
    await until_async("it works", lambda: desk.started)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    async with other.lock(f"customer/{customer}", wait=10):
        assert desk.done == 1


@pytest.mark.needs("is_async")
def test_a_thread_that_outlives_its_loop_does_not_lose_its_lock_to_another(rig: Rig, service: Service) -> None:
    customer, desk, held = new_customer(), Desk(), list[int]()
    other = SyncProtoMesh(service.url)

    def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        time.sleep(0.5)
        held.append(len(other.locks.queue(f"customer/{customer}").held_by))
        return "updated"

    async def main() -> None:
        mesh = ProtoMesh(service.url, agent_id="a")
        script = follow([("update", {"customer_id": customer})], "done")
        rules = {"update": {"resource": RULE, "ttl": 10}}
        run = asyncio.ensure_future(rig.run(mesh, rules, [update], script))
        await until_async("it works", lambda: desk.started)
        assert not run.done()

    with other:
        # Its end cancels what still runs, as Ctrl-C does.
        asyncio.run(main())
        until("the thread ends", lambda: held)
        # It is free when its time to live is over.
        assert held == [1]


async def test_whoever_looks_at_the_queue_sees_which_tool_holds(rig: Rig, connect: Connect) -> None:
    customer, mesh = new_customer(), connect("a")
    script = follow([("update", {"customer_id": customer})], "done")
    rules = {"update": {"resource": RULE, "priority": 8, "agent_id": "someone", "labels": {"team": "blue"}}}
    run = asyncio.ensure_future(rig.run(mesh, rules, [update_tool(rig, Desk(), 0.5)], script))
    await until_async("it holds", lambda: holders(mesh, f"customer/{customer}"))
    holder = (await mesh.locks.queue(f"customer/{customer}")).held_by[0]
    lock = await mesh.locks.get(holder.lock_id)
    await run
    assert lock.agent_id == "someone"
    assert lock.priority == 8
    assert lock.labels is not None
    assert lock.labels["tool"] == "update"
    assert lock.labels["team"] == "blue"
