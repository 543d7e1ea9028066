"""What can go wrong in the OpenAI Agents SDK, and does not."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from typing import Any

import pytest
from agents import Agent, FunctionTool, Runner, function_tool
from pydantic import BaseModel

from helpers import new_name, until_async
from protomesh import ProtoMesh
from protomesh.openai_agents import current_lease, protect

from .rigs import Script, follow
from .rigs.openai_agents_rig import QUIET, ScriptedModel
from .work import Desk, holders, waiting

Connect = Callable[..., ProtoMesh]
RULE = "customer/{customer_id}"
SPEND: Any = {"action": "spend", "metadata": {"estimated_cost": "{cost}"}}


def new_customer() -> str:
    return new_name().partition("/")[2]


def agent_of(script: Script, *tools: FunctionTool) -> tuple[Agent[Any], ScriptedModel]:
    model = ScriptedModel(script)
    return Agent(name="agent", model=model, tools=list(tools)), model


def update_tool(desk: Desk, **options: Any) -> FunctionTool:
    async def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        desk.end()
        return "updated"

    made: FunctionTool = function_tool(**options)(update)
    return made


async def test_nothing_is_locked_before_a_person_approved(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()
    tool = protect(update_tool(desk, needs_approval=True), mesh, RULE)
    agent, model = agent_of(follow([("update", {"customer_id": customer})], "done"), tool)
    paused = await Runner.run(agent, "go", run_config=QUIET)
    assert len(paused.interruptions) == 1
    async with connect("b").lock(f"customer/{customer}", wait=0):
        pass
    state = paused.to_state()
    state.approve(paused.interruptions[0])
    assert (await Runner.run(agent, state, run_config=QUIET)).final_output == "done"
    assert model.read == ["updated"]
    assert len(desk.tokens) == 1


async def test_an_approval_that_looks_at_arguments_still_sees_only_what_is_run(connect: Connect) -> None:
    asked: list[Any] = []

    async def needs(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        asked.append(arguments)
        return False

    @function_tool(needs_approval=needs, strict_mode=False)
    async def buy(item: str, cost: float = 50) -> str:
        """Buys something."""
        return f"bought {item} for {cost:g}"

    for tool in (buy, protect(buy, connect("a"), {"action": "buy"})):
        asked.clear()
        agent, _ = agent_of(follow([("buy", {"item": "a chair"})]), tool)
        # The default is nothing that the policy of approvals has seen, so a person has to.
        assert len((await Runner.run(agent, "go", run_config=QUIET)).interruptions) == 1
        assert asked == []
        agent, model = agent_of(follow([("buy", {"item": "a chair", "cost": 20.0})], "done"), tool)
        assert (await Runner.run(agent, "go", run_config=QUIET)).final_output == "done"
        assert len(asked) == 1
        assert model.read == ["bought a chair for 20"]


class Receipt(BaseModel):
    item: str
    cost: float


async def test_a_refusal_passes_where_a_tool_has_a_typed_output(connect: Connect) -> None:
    async def invoke(context: Any, arguments: str) -> dict[str, Any]:
        return {"item": "a chair", "cost": 20}

    tool = FunctionTool(
        name="buy",
        description="Buys something.",
        params_json_schema={"type": "object", "properties": {"cost": {"type": "number"}}, "required": ["cost"]},
        on_invoke_tool=invoke,
        strict_json_schema=False,
        output_json_schema=Receipt.model_json_schema(),
    )

    @function_tool(output_type=Receipt)
    async def buy(cost: float) -> Receipt:
        """Buys something."""
        return Receipt(item="a chair", cost=cost)

    for typed in (tool, buy):
        script = follow([("buy", {"cost": 500})], [("buy", {"cost": 20})], "done")
        agent, model = agent_of(script, protect(typed, connect("a"), SPEND))
        assert (await Runner.run(agent, "go", run_config=QUIET)).final_output == "done"
        assert "Cost $500 exceeds limit $100" in model.read[0]
        assert "a chair" in model.read[1]


async def test_a_tool_that_times_out_in_the_queue_leaves_nothing_there(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()
    tool = protect(update_tool(desk, timeout=0.5), mesh, RULE)
    agent, model = agent_of(follow([("update", {"customer_id": customer})], "done"), tool)
    async with connect("b").lock(f"customer/{customer}"):
        assert (await Runner.run(agent, "go", run_config=QUIET)).final_output == "done"
        assert "timed out" in model.read[0]
        assert await waiting(mesh, f"customer/{customer}") == 0
    assert desk.started == 0


async def test_a_failing_sibling_takes_those_that_wait_out_of_the_queue(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    @function_tool(failure_error_function=None)
    async def fail() -> str:
        """Fails."""
        await until_async("the other waits", lambda: waiting(mesh, f"customer/{customer}"))
        raise ZeroDivisionError

    tool = protect(update_tool(desk), mesh, RULE)
    agent, _ = agent_of(follow([("fail", {}), ("update", {"customer_id": customer})]), fail, tool)
    async with connect("b").lock(f"customer/{customer}"):
        with pytest.raises(Exception, match="fail"):
            await Runner.run(agent, "go", run_config=QUIET)
        await until_async("nobody waits", lambda: nobody_waits(mesh, f"customer/{customer}"), 3)
    assert desk.started == 0


async def nobody_waits(mesh: ProtoMesh, resource: str) -> bool:
    return await waiting(mesh, resource) == 0


async def test_a_tool_that_no_decorator_made_is_protected_too(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()
    contexts: list[Any] = []

    async def invoke(context: Any, arguments: str) -> str:
        lease = current_lease()
        assert lease is not None
        contexts.append(context.tool_call_id)
        return f"{lease.resource} {arguments}"

    schema = {"type": "object", "properties": {"customer_id": {"type": "string"}}, "required": ["customer_id"]}
    tool = FunctionTool(
        name="update",
        description="Updates.",
        params_json_schema={**schema, "additionalProperties": False},
        on_invoke_tool=invoke,
    )
    agent, model = agent_of(follow([("update", {"customer_id": customer})], "done"), protect(tool, mesh, RULE))
    await Runner.run(agent, "go", run_config=QUIET)
    assert model.read == [f'customer/{customer} {{"customer_id": "{customer}"}}']
    assert contexts == ["call-0-0"]


async def test_broken_arguments_are_told_and_nothing_runs(connect: Connect) -> None:
    desk = Desk()
    tool = protect(update_tool(desk), connect("a"), RULE)
    agent, model = agent_of(follow([("update", '{"customer_id": ')], "done"), tool)  # type: ignore[list-item]
    assert (await Runner.run(agent, "go", run_config=QUIET)).final_output == "done"
    assert "customer_id" in model.read[0]
    assert desk.started == 0


async def test_a_copy_of_a_protected_tool_is_protected_and_the_tool_itself_is_not(connect: Connect) -> None:
    desk = Desk()
    plain = update_tool(desk)
    protected = protect(plain, connect("a"), RULE)
    for tool in (copy.copy(protected), protected, plain):
        agent, _ = agent_of(follow([("update", {"customer_id": new_customer()})], "done"), tool)
        await Runner.run(agent, "go", run_config=QUIET)
    assert desk.done == 3
    assert len(desk.tokens) == 2


async def test_a_synchronous_tool_runs_in_a_thread_with_its_lease(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()
    seen: list[Any] = []

    @function_tool
    def update(customer_id: str) -> str:
        """Updates a customer."""
        lease = current_lease()
        assert lease is not None
        seen.append(lease.resource)
        time.sleep(0.01)
        return "updated"

    agent, model = agent_of(follow([("update", {"customer_id": customer})], "done"), protect(update, mesh, RULE))
    await Runner.run(agent, "go", run_config=QUIET)
    assert model.read == ["updated"]
    assert seen == [f"customer/{customer}"]


async def test_the_rule_sees_the_agent_that_calls(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()

    @function_tool
    async def update(customer_id: str) -> str:
        """Updates a customer."""
        lease = current_lease()
        assert lease is not None
        return lease.agent_id

    def rule(call: Any) -> Any:
        return {"resource": f"customer/{call.arguments['customer_id']}", "agent_id": call.context.agent.name}

    agent, model = agent_of(follow([("update", {"customer_id": customer})], "done"), protect(update, mesh, rule))
    await Runner.run(agent, "go", run_config=QUIET)
    assert model.read == ["agent"]


async def test_a_run_in_another_loop_uses_the_same_client(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()
    tool = protect(update_tool(desk), mesh, RULE)

    def run() -> Any:
        agent, _ = agent_of(follow([("update", {"customer_id": customer})], "done"), tool)
        return asyncio.run(Runner.run(agent, "go", run_config=QUIET)).final_output

    assert [await asyncio.to_thread(run) for _ in range(2)] == ["done"] * 2
    assert desk.done == 2
    assert await holders(mesh, f"customer/{customer}") == 0


def test_only_a_function_tool_is_taken(connect: Connect) -> None:
    with pytest.raises(TypeError, match="FunctionTool"):
        protect(lambda: None, ProtoMesh(), RULE)  # type: ignore[arg-type]
