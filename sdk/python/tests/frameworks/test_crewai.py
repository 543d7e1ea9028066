"""What can go wrong in CrewAI, and does not."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import protomesh.crewai
from helpers import new_name, until, until_async
from people import new_space
from protomesh import Approval, LockTimeoutError, ProtoMesh, SyncProtoMesh
from protomesh.crewai import current_lease, policy_hooks, protect, run_scope, use_lock_backend

from .rigs import Script, follow
from .rigs.crewai_rig import ScriptedLLM, crew_of, tool_of
from .work import Desk, holders, waiting

Connect = Callable[..., ProtoMesh]
RULE = "customer/{customer_id}"
SPEND: Any = {"action": "spend", "metadata": {"estimated_cost": "{cost}"}}


def new_customer() -> str:
    return new_name().partition("/")[2]


def llm_of(script: Script, calls_functions: bool = True) -> ScriptedLLM:
    return ScriptedLLM(model="scripted", script=script, calls_functions=calls_functions)


def update_tool(desk: Desk, seconds: float = 0.0) -> Any:
    def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        time.sleep(seconds)
        desk.end()
        return "updated"

    return tool_of(update)


def buy_tool(spent: list[float]) -> Any:
    def buy(cost: float) -> str:
        """Buys something."""
        spent.append(cost)
        return f"bought for {cost:g}"

    return tool_of(buy)


@pytest.mark.parametrize("calls_functions", [True, False])
def test_a_refusal_is_never_answered_from_the_cache(
    connect_sync: Callable[..., SyncProtoMesh], monkeypatch: pytest.MonkeyPatch, calls_functions: bool
) -> None:
    # A ToolFailure CrewAI keeps out itself.
    monkeypatch.setattr(protomesh.crewai, "ToolFailure", None)
    mesh, customer, desk = connect_sync("a"), new_customer(), Desk()
    held = connect_sync("b").locks.acquire(f"customer/{customer}")

    def script(read: list[str]) -> Any:
        if len(read) == 1:
            held.release()
            # The same call at once again is refused by CrewAI itself.
            return [("buy", {"cost": 1})]
        return [("update", {"customer_id": customer})] if len(read) < 3 else "done"

    llm = llm_of(script, calls_functions)
    tools = [protect(update_tool(desk), mesh, {"resource": RULE, "wait": 0}), buy_tool([])]
    crew = crew_of(tools, llm, crew={"cache": True})
    assert crew.kickoff().raw == "done"
    assert "is held by b" in llm.read[0]
    assert desk.done == 1


def test_a_refusal_is_a_failure_that_the_crew_records(connect: Connect) -> None:
    crew = crew_of([protect(buy_tool([]), connect("a"), SPEND)], llm_of(follow([("buy", {"cost": 500})], "done")))
    (record,) = crew.kickoff().tasks_output[0].tool_failures
    assert record.failure.code == "policy_denied"
    assert record.failure.retryable is False
    assert "Cost $500 exceeds limit $100" in record.failure.message


def test_where_there_is_no_tool_failure_the_text_has_to_do(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protomesh.crewai, "ToolFailure", None)
    tool = protect(buy_tool([]), connect("a"), SPEND)
    result = tool.run(cost=500)
    assert isinstance(result, str)
    assert "Cost $500 exceeds limit $100" in result
    assert tool.cache_function({}, result) is False
    assert tool.cache_function({}, "bought") is True


def test_an_asynchronous_tool_runs_under_its_lease_and_ends_with_it(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()
    stopped: list[bool] = []

    async def wait(customer_id: str) -> str:
        """Updates a customer."""
        lease: Any = current_lease()
        mesh.sync.locks.force_release(lease.resource, "test", immediate=True)
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            stopped.append(True)
            raise
        return "updated"

    async def quick(customer_id: str) -> str:
        """Updates a customer."""
        assert current_lease() is not None
        return "updated"

    call = {"customer_id": customer}
    rule: Any = {"resource": RULE, "ttl": 1}
    tools = [protect(tool_of(one), mesh, rule) for one in (quick, wait)]
    llm = llm_of(follow([("quick", call)], [("wait", call)], "done"))
    assert crew_of(tools, llm).kickoff().raw == "done"
    assert llm.read[0] == "updated"
    assert llm.read[1].startswith("wait may be half done:")
    assert stopped == [True]


async def test_a_tool_can_be_awaited_alone(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        lease: Any = current_lease()
        return str(lease.resource)

    tool = protect(tool_of(update), mesh, {"resource": RULE, "wait": 0})
    assert await tool.arun(customer_id=customer) == f"customer/{customer}"
    async with connect("b").lock(f"customer/{customer}"):
        assert "is held by b" in (await tool.arun(customer_id=customer)).message
    with pytest.raises(RuntimeError, match=r"await tool\.arun"):
        tool.run(customer_id=customer)


def test_a_task_that_runs_out_of_time_leaves_nobody_in_the_queue(connect_sync: Callable[..., SyncProtoMesh]) -> None:
    mesh, customer, desk = connect_sync("a"), new_customer(), Desk()
    with connect_sync("b").lock(f"customer/{customer}"):
        llm = llm_of(follow([("update", {"customer_id": customer})], "done"))
        tools = [protect(update_tool(desk), mesh, {"resource": RULE, "wait": 2})]
        with pytest.raises(TimeoutError):
            crew_of(tools, llm, max_execution_time=1).kickoff()
        until("nobody waits", lambda: not mesh.locks.queue(f"customer/{customer}").waiting, 5)
    time.sleep(0.3)
    assert desk.started == 0


def test_when_a_run_scope_ends_its_waits_end_and_what_works_goes_on(connect: Connect) -> None:
    mesh, customer, other, desk = connect("a"), new_customer(), new_customer(), Desk()
    tool = protect(update_tool(desk, 0.5), mesh, RULE)
    told: list[Any] = []

    def call(customer_id: str) -> None:
        told.append(tool.run(customer_id=customer_id))

    sync = mesh.sync
    lease = sync.locks.acquire(f"customer/{customer}", agent_id="b")
    with run_scope():
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(call, name)) for name in (customer, other)
        ]
        for thread in threads:
            thread.start()
        until("one waits", lambda: sync.locks.queue(f"customer/{customer}").waiting)
        until("one works", lambda: desk.at_once)
    assert not sync.locks.queue(f"customer/{customer}").waiting
    for thread in threads:
        thread.join(10)
    assert desk.done == 1
    assert "updated" in told
    (refused,) = [one for one in told if one != "updated"]
    assert refused.code in ("given_up", "lock_ended")
    lease.release()
    # After the end nothing begins any more.
    assert not sync.locks.queue(f"customer/{customer}").held_by


def refund_tool(paid: list[str]) -> Any:
    def refund(customer_id: str) -> str:
        """Refunds a customer."""
        assert current_lease() is not None
        paid.append(customer_id)
        return "refunded"

    return tool_of(refund)


def test_a_call_waits_for_people_and_runs(connect: Connect) -> None:
    mesh, paid = connect("a", namespace=asyncio.run(new_space(connect))), list[str]()

    def approve(asked: Approval) -> None:
        mesh.sync.approvals.approve(asked.approval_id, approver="ann")

    rule: Any = {"resource": RULE, "metadata": {"amount": 500}, "on_approval": "wait", "on_waiting": approve}
    tool = protect(refund_tool(paid), mesh, rule)
    assert tool.run(customer_id="1") == "refunded"
    with run_scope():
        assert tool.run(customer_id="2") == "refunded"
    assert paid == ["1", "2"]


def test_a_call_that_waits_for_people_gives_up_when_its_run_has_ended(connect: Connect) -> None:
    mesh = connect("a", namespace=asyncio.run(new_space(connect)))
    paid, waiting_for, told = list[str](), list[Approval](), list[Any]()
    rule: Any = {"resource": RULE, "metadata": {"amount": 500}, "on_approval": "wait"}
    rule["on_waiting"] = waiting_for.append
    tool = protect(refund_tool(paid), mesh, rule)
    with run_scope():
        work = contextvars.copy_context().run
        thread = threading.Thread(target=work, args=(lambda: told.append(tool.run(customer_id="1")),))
        thread.start()
        until("it waits", lambda: waiting_for)
    thread.join(10)
    assert told[0].code == "given_up"
    # What people say now is nobody's any more, and stays unused.
    mesh.sync.approvals.approve(waiting_for[0].approval_id, approver="ann")
    assert mesh.sync.approvals.get(waiting_for[0].approval_id).state == "approved"
    assert paid == []


def test_by_default_the_model_reads_who_decides(connect: Connect) -> None:
    mesh, paid = connect("a", namespace=asyncio.run(new_space(connect))), list[str]()
    tool = protect(refund_tool(paid), mesh, {"resource": RULE, "metadata": {"amount": 500}})
    llm = llm_of(follow([("refund", {"customer_id": "1"})], "done"))
    assert crew_of([tool], llm).kickoff().raw == "done"
    asked = next(iter(mesh.sync.approvals.list()))
    assert "A person of the group ops has to approve this" in llm.read[0]
    assert asked.approval_id in llm.read[0]
    assert paid == []


@pytest.mark.parametrize("calls_functions", [True, False])
def test_a_hook_asks_the_policy_and_the_model_reads_why(connect: Connect, calls_functions: bool) -> None:
    spent: list[float] = []

    def script(read: list[str]) -> Any:
        if not read:
            return [("buy", {"cost": 500})]
        return [("buy", {"cost": 20})] if "exceeds limit" in read[-1] else read[-1]

    with policy_hooks(connect("a"), {"buy": SPEND}):
        llm = llm_of(script, calls_functions)
        assert crew_of([buy_tool(spent)], llm).kickoff().raw == "bought for 20"
    assert "Not done: spend. Cost $500 exceeds limit $100" in llm.read[0]
    assert spent == [20]
    crew_of([buy_tool(spent)], llm_of(follow([("buy", {"cost": 500})], "done"))).kickoff()
    assert spent == [20, 500]


def test_a_hook_that_fails_blocks_the_call(connect: Connect) -> None:
    spent: list[float] = []
    away = connect("a", "http://127.0.0.1:9", retry_for=0.1)

    def broken(call: Any) -> Any:
        raise KeyError("a bug")

    rules: list[tuple[ProtoMesh, Any]] = [
        (away, SPEND),
        (connect("a"), broken),
        (connect("a"), {"resource": "x/{nothing}"}),
    ]
    for mesh, rule in rules:
        with policy_hooks(mesh, {"buy": rule}):
            llm = llm_of(follow([("buy", {"cost": 1})], "done"))
            assert crew_of([buy_tool(spent)], llm).kickoff().raw == "done"
            assert llm.read[0].startswith("Not done: ")
    assert spent == []


def test_a_hook_tells_each_of_several_calls_its_own_reason(connect: Connect) -> None:
    spent: list[float] = []
    calls = [("buy", {"cost": 500}), ("buy", {"cost": 5}), ("buy", {"cost": 600})]
    with policy_hooks(connect("a"), {"buy": SPEND}) as hooks:
        llm = llm_of(follow(calls, "done"))
        crew_of([buy_tool(spent)], llm).kickoff()
        assert not hooks._texts
    assert "Cost $500" in llm.read[0]
    assert llm.read[1] == "bought for 5"
    assert "Cost $600" in llm.read[2]
    assert spent == [5]


def test_crewai_takes_its_own_locks_here(connect: Connect) -> None:
    from crewai_core.lock_store import lock, set_lock_backend

    mesh, name, desk = connect("a"), new_name(), Desk()
    use_lock_backend(mesh, ttl=5)
    try:

        def work(_: int) -> None:
            with lock(name):
                desk.begin()
                time.sleep(0.1)
                desk.end()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, range(2)))
        assert (desk.done, desk.most_at_once) == (2, 1)
        with mesh.sync.lock(f"crewai/{name}"), pytest.raises(LockTimeoutError), lock(name, timeout=0.2):
            pass
        with lock("/a/path/" + "x" * 600):
            pass

        async def on_a_loop() -> None:
            with lock(name):
                pass

        asyncio.run(on_a_loop())
    finally:
        set_lock_backend(None)


def test_a_tool_from_a_checkpoint_does_not_run_unprotected(connect: Connect) -> None:
    spent: list[float] = []
    tool = protect(buy_tool(spent), connect("a"), SPEND)
    restored = type(tool).model_validate({**tool.model_dump(mode="json"), "cache_function": tool.cache_function})
    assert "protected again" in restored.run(cost=1).message
    assert spent == []


def test_a_protected_tool_is_the_same_for_the_model(connect: Connect) -> None:
    plain = buy_tool([])
    tool = protect(plain, connect("a"), SPEND)
    for field in ("name", "description", "args_schema", "result_schema", "result_as_answer", "max_usage_count"):
        assert getattr(tool, field) == getattr(plain, field)
    assert tool.formatted_description == plain.formatted_description
    with pytest.raises(TypeError, match="BaseTool"):
        protect(lambda: None, connect("a"), SPEND)  # type: ignore[arg-type]


async def test_a_crew_that_is_cancelled_leaves_its_thread_with_nothing_to_do(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()
    llm = llm_of(follow([("update", {"customer_id": customer})], "done"))
    crew = crew_of([protect(update_tool(desk), mesh, {"resource": RULE, "wait": 60})], llm)

    async def run() -> None:
        async with run_scope():
            await crew.akickoff()

    lease = await connect("b").locks.acquire(f"customer/{customer}")
    running = asyncio.ensure_future(run())
    await until_async("it waits", lambda: waiting(mesh, f"customer/{customer}"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await waiting(mesh, f"customer/{customer}") == 0
    await lease.release()
    await asyncio.sleep(0.3)
    assert await holders(mesh, f"customer/{customer}") == 0
    assert desk.started == 0
