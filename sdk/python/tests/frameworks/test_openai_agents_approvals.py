"""Approvals in the OpenAI Agents SDK: a run that pauses while people decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agents import Agent, FunctionTool, Runner, RunState, function_tool

from helpers import until_async
from people import new_space
from protomesh import Approval, ProtoMesh
from protomesh.openai_agents import apply_approvals, current_lease, protect

from .rigs.openai_agents_rig import QUIET, ScriptedModel
from .work import holders

Connect = Callable[..., ProtoMesh]

RULE: Any = {"resource": "customer/{customer_id}", "metadata": ["amount"], "on_approval": "pause"}


@pytest.fixture
async def space(connect: Connect) -> str:
    return await new_space(connect)


class Till:
    """A tool, and how often it paid."""

    def __init__(self) -> None:
        self.paid: list[str] = []

    def tool(self, **options: Any) -> FunctionTool:
        async def refund(customer_id: str, amount: float) -> str:
            """Refunds a customer."""
            lease = current_lease()
            assert lease is not None
            assert lease.resource == f"customer/{customer_id}"
            self.paid.append(customer_id)
            return f"refunded {customer_id}"

        made: FunctionTool = function_tool(**options)(refund)
        return made


def agent_of(tool: FunctionTool, amount: float = 500.0, customers: tuple[str, ...] = ("1",)) -> Agent[Any]:
    def script(read: list[str]) -> Any:
        if not read:
            return [("refund", {"customer_id": customer, "amount": amount}) for customer in customers]
        return " | ".join(read)

    return Agent(name="agent", model=ScriptedModel(script), tools=[tool])


async def run(agent: Agent[Any], given: Any = "go") -> Any:
    return await Runner.run(agent, given, run_config=QUIET)


async def asked(mesh: ProtoMesh) -> list[Approval]:
    return [one async for one in mesh.approvals.list()]


async def test_a_call_that_people_have_to_approve_pauses_the_run_and_runs_once(connect: Connect, space: str) -> None:
    mesh, till, waiting = connect("a", namespace=space), Till(), list[Approval]()
    rule: Any = {**RULE, "on_waiting": waiting.append}
    agent = agent_of(protect(till.tool(), mesh, rule))
    paused = await run(agent)
    assert [item.tool_name for item in paused.interruptions] == ["refund"]
    assert [(one.state, one.resource, one.metadata) for one in waiting] == [("pending", "customer/1", {"amount": 500})]
    assert await holders(mesh, "customer/1") == 0
    await connect("ann", namespace=space).approvals.approve(waiting[0].approval_id, approver="ann")
    state = paused.to_state()
    assert [one.approval_id for one in await apply_approvals(state)] == [waiting[0].approval_id]
    assert (await run(agent, state)).final_output == "refunded 1"
    assert till.paid == ["1"]
    assert len(await asked(mesh)) == 1


async def test_what_people_refused_the_model_reads(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(protect(till.tool(), mesh, RULE))
    state = (await run(agent)).to_state()
    (question,) = await asked(mesh)
    await mesh.approvals.deny(question.approval_id, comment="too much", approver="ann")
    await apply_approvals(state)
    assert (await run(agent, state)).final_output == (
        f"Not done: refund. The approval {question.approval_id} of the group ops is denied. ann: too much."
    )
    assert till.paid == []
    assert len(await asked(mesh)) == 1


async def test_a_run_that_is_resumed_too_early_stays_paused(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(protect(till.tool(), mesh, RULE))
    state = (await run(agent)).to_state()
    assert [one.state for one in await apply_approvals(state, timeout=0.3)] == ["pending"]
    paused = await run(agent, state)
    assert len(paused.interruptions) == 1
    (question,) = await asked(mesh)
    await mesh.approvals.approve(question.approval_id, approver="ann")
    state = paused.to_state()
    await apply_approvals(state)
    assert (await run(agent, state)).final_output == "refunded 1"
    assert len(await asked(mesh)) == 1


async def test_an_approval_in_the_sdk_alone_lets_nothing_run(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(protect(till.tool(), mesh, RULE))
    paused = await run(agent)
    state = paused.to_state()
    state.approve(paused.interruptions[0])
    said = (await run(agent, state)).final_output
    assert said.startswith("Not done: refund. A person has to see this.")
    assert (await asked(mesh))[0].approval_id in said
    assert till.paid == []


async def test_what_needs_no_approval_does_not_pause(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(protect(till.tool(), mesh, RULE), amount=5.0)
    assert (await run(agent)).final_output == "refunded 1"
    assert await asked(mesh) == []


async def test_what_is_approved_already_does_not_pause(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    question = await mesh.approvals.request("refund", "customer/1", metadata={"amount": 500})
    await mesh.approvals.approve(question.approval_id, approver="ann")
    assert (await run(agent_of(protect(till.tool(), mesh, RULE)))).final_output == "refunded 1"


async def test_two_calls_are_decided_apart(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(protect(till.tool(), mesh, RULE), customers=("1", "2"))
    paused = await run(agent)
    assert len(paused.interruptions) == 2
    for question in await asked(mesh):
        decide = mesh.approvals.approve if question.resource == "customer/1" else mesh.approvals.deny
        await decide(question.approval_id, approver="ann")
    # As another process would have it.
    state = await RunState.from_string(agent, paused.to_state().to_string())
    assert len(await apply_approvals(state)) == 2
    said = (await run(agent, state)).final_output
    assert "refunded 1" in said
    assert "is denied" in said
    assert till.paid == ["1"]


async def test_a_person_who_approves_in_the_sdk_is_asked_as_before(connect: Connect, space: str) -> None:
    mesh, till, seen = connect("a", namespace=space), Till(), list[Any]()

    async def needs(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        seen.append(arguments)
        return True

    for own in (needs, True):
        agent = agent_of(protect(till.tool(needs_approval=own), mesh, RULE), amount=5.0)
        paused = await run(agent)
        assert len(paused.interruptions) == 1
        assert await asked(mesh) == []
        state = paused.to_state()
        # Nobody was asked in ProtoMesh, so there is nothing to let in.
        assert await apply_approvals(state) == []
        state.approve(paused.interruptions[0])
        assert (await run(agent, state)).final_output == "refunded 1"
    assert seen == [{"customer_id": "1", "amount": 5.0}]


async def test_unless_it_is_wanted_no_run_pauses(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    rule: Any = {name: value for name, value in RULE.items() if name != "on_approval"}
    result = await run(agent_of(protect(till.tool(), mesh, rule)))
    assert result.interruptions == []
    assert result.final_output.startswith("Not done: refund. A person has to see this.")

    def dynamic(call: Any) -> Any:
        return {"resource": f"customer/{call.arguments['customer_id']}", "metadata": {"amount": 500}}

    paused = await run(agent_of(protect(till.tool(), mesh, dynamic, on_approval="pause")))
    assert len(paused.interruptions) == 1
    await until_async("nothing is held", lambda: _is_free(mesh))
    with pytest.raises(ValueError, match="on_approval"):
        protect(till.tool(), mesh, rule, on_approval="perhaps")  # type: ignore[arg-type]


async def _is_free(mesh: ProtoMesh) -> bool:
    return await holders(mesh, "customer/1") == 0
