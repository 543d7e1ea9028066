"""What can go wrong in Pydantic AI, and does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ModelRetry, RunContext
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.toolsets import AbstractToolset, CombinedToolset, FunctionToolset

from helpers import new_name, until_async
from protomesh import ProtoMesh
from protomesh.pydantic_ai import ProtoMeshToolset, current_lease

from .rigs import follow
from .rigs.pydantic_ai_rig import returns_in, scripted
from .work import Desk, holders

Connect = Callable[..., ProtoMesh]
RULES: Any = {"update": "customer/{customer_id}"}


def new_customer() -> str:
    return new_name().partition("/")[2]


async def free(mesh: ProtoMesh, customer: str) -> bool:
    return await holders(mesh, f"customer/{customer}") == 0


def toolset_of(mesh: ProtoMesh, rules: Any, *functions: Callable[..., Any]) -> Any:
    return ProtoMeshToolset(FunctionToolset(list(functions)), mesh, rules)


async def test_nothing_is_locked_before_a_person_approved(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        desk.end()
        return "updated"

    toolset = toolset_of(mesh, RULES, update).approval_required()
    model = scripted(follow([("update", {"customer_id": customer})], "done"))
    agent: Any = Agent(model, toolsets=[toolset], output_type=[str, DeferredToolRequests])
    paused = await agent.run("go")
    assert len(paused.output.approvals) == 1
    assert await holders(mesh, f"customer/{customer}") == 0
    assert desk.started == 0
    results = DeferredToolResults(approvals={paused.output.approvals[0].tool_call_id: True})
    done = await agent.run(message_history=paused.all_messages(), deferred_tool_results=results)
    assert done.output == "done"
    assert len(desk.tokens) == 1


async def test_a_tool_that_asks_a_person_itself_lets_go_meanwhile(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()

    async def update(ctx: RunContext[None], customer_id: str) -> str:
        """Updates a customer."""
        if not ctx.tool_call_approved:
            raise ApprovalRequired
        return "updated"

    model = scripted(follow([("update", {"customer_id": customer})], "done"))
    agent: Any = Agent(model, toolsets=[toolset_of(mesh, RULES, update)], output_type=[str, DeferredToolRequests])
    paused = await agent.run("go")
    async with connect("b").lock(f"customer/{customer}", wait=0) as lease:
        assert lease.previous is not None
        assert lease.previous.note is None
    results = DeferredToolResults(approvals={paused.output.approvals[0].tool_call_id: True})
    assert (await agent.run(message_history=paused.all_messages(), deferred_tool_results=results)).output == "done"


async def test_a_refusal_is_a_denied_result_and_a_loss_is_not(connect: Connect) -> None:
    mesh, customer, operator = connect("a"), new_customer(), connect("operator")
    seen: list[ToolReturnPart] = []

    async def buy(cost: float) -> str:
        """Buys something."""
        return "bought"

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        await operator.locks.force_release(f"customer/{customer_id}", "test", immediate=True)
        await until_async("it is lost", lambda: False)
        return "updated"

    rules = {
        "buy": {"action": "spend", "metadata": {"estimated_cost": "{cost}"}},
        "update": {"resource": "customer/{customer_id}", "ttl": 1},
    }
    script = follow([("buy", {"cost": 500})], [("update", {"customer_id": customer})], "done")
    agent = Agent(scripted(script, seen), toolsets=[toolset_of(mesh, rules, buy, update)])
    assert (await agent.run("go")).output == "done"
    assert [part.outcome for part in seen] == ["denied", "success"]
    assert "Cost $500 exceeds limit $100" in str(seen[0].content)
    assert str(seen[1].content).startswith("update may be half done:")


async def test_a_retry_that_the_tool_asks_for_goes_through(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        desk.end()
        if desk.done == 1:
            raise ModelRetry("once more")
        return "updated"

    call = [("update", {"customer_id": customer})]
    agent = Agent(scripted(follow(call, call, "done")), toolsets=[toolset_of(mesh, RULES, update)])
    result = await agent.run("go")
    assert str(returns_in(result.all_messages())[-1].content) == "updated"
    assert len(set(desk.tokens)) == 2


class Order(BaseModel):
    customer_id: str
    cost: float


async def test_arguments_that_are_models_are_understood(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()

    async def buy(order: Order) -> str:
        """Buys something."""
        lease = current_lease()
        assert lease is not None
        assert lease.decision is not None
        return str(lease.resource)

    rule = {
        "resource": "customer/{order.customer_id}",
        "action": "spend",
        "metadata": {"estimated_cost": "{order.cost}", "order": "{order}"},
    }
    seen: list[ToolReturnPart] = []
    cheap, dear = ({"order": {"customer_id": customer, "cost": cost}} for cost in (5, 500))
    script = follow([("buy", cheap)], [("buy", dear)], "done")
    await Agent(scripted(script, seen), toolsets=[toolset_of(mesh, {"buy": rule}, buy)]).run("go")
    assert str(seen[0].content) == f"customer/{customer}"
    assert "exceeds limit $100" in str(seen[1].content)


async def test_a_cancelled_run_keeps_the_lease_of_a_thread_that_still_writes_however_its_toolset_is_wrapped(
    connect: Connect,
) -> None:
    mesh, other, go_on = connect("a"), connect("b"), threading.Event()
    for wrap in (
        lambda inner: inner,
        lambda inner: CombinedToolset([inner]),
        lambda inner: CombinedToolset([CombinedToolset([inner])]),
    ):
        customer, desk = new_customer(), Desk()

        def update(customer_id: str) -> str:
            """Updates a customer."""
            desk.begin()  # noqa: B023
            go_on.wait(20)
            desk.end()  # noqa: B023
            return "updated"

        toolset: Any = ProtoMeshToolset(wrap(FunctionToolset([update])), mesh, RULES)
        agent = Agent(scripted(follow([("update", {"customer_id": customer})], "done")), toolsets=[toolset])
        go_on.clear()
        running = asyncio.ensure_future(agent.run("go"))
        try:
            await until_async("it works", lambda: desk.at_once)  # noqa: B023
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await other.locks.try_acquire(f"customer/{customer}") is None
        finally:
            go_on.set()
        await until_async("it is free", lambda: free(mesh, customer))  # noqa: B023
        assert desk.done == 1


async def test_a_cancelled_coroutine_in_a_combined_toolset_ends_with_its_run(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        try:
            await asyncio.sleep(60)
        finally:
            desk.end()
        return "updated"

    toolset: Any = ProtoMeshToolset(CombinedToolset([FunctionToolset([update])]), mesh, RULES)
    agent = Agent(scripted(follow([("update", {"customer_id": customer})], "done")), toolsets=[toolset])
    running = asyncio.ensure_future(agent.run("go"))
    await until_async("it works", lambda: desk.at_once)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert desk.at_once == 0
    assert await free(mesh, customer)


async def test_a_toolset_around_it_or_one_that_is_made_for_each_run_changes_nothing(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        desk.end()
        return "updated"

    around = toolset_of(mesh, RULES, update).prefixed("crm")
    script = follow([("crm_update", {"customer_id": customer})], "done")
    await Agent(scripted(script), toolsets=[around]).run("go")

    def make(ctx: RunContext[Any]) -> Any:
        return FunctionToolset([update])

    agent: Any = Agent(scripted(follow([("update", {"customer_id": customer})], "done")))
    agent.toolset(make)
    dynamic: AbstractToolset[Any] = agent.toolsets[-1]
    wrapped: Any = ProtoMeshToolset(dynamic, mesh, RULES)
    await Agent(scripted(follow([("update", {"customer_id": customer})], "done")), toolsets=[wrapped]).run("go")
    assert len(desk.tokens) == 2


def test_a_synchronous_run_is_protected(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        desk.end()
        return "updated"

    script = follow([("update", {"customer_id": customer})], "done")
    agent = Agent(scripted(script), toolsets=[toolset_of(mesh, RULES, update)])
    assert agent.run_sync("go").output == "done"
    assert len(desk.tokens) == 1


def test_rules_are_checked_where_they_are_written() -> None:
    with pytest.raises(ValueError, match="brace"):
        ProtoMeshToolset(FunctionToolset(), ProtoMesh(), {"update": "customer/{"})
