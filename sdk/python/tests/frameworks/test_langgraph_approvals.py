"""Approvals in LangGraph: an interrupt while people decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from helpers import until, until_async
from people import new_space
from protomesh import Approval, ProtoMesh
from protomesh.langgraph import ProtoMeshMiddleware, current_lease, protect_node, tool_node_wrappers

from .rigs import Script
from .rigs.langgraph_rig import ScriptedChat, node_graph, read_by, tool_of
from .work import holders

Connect = Callable[..., ProtoMesh]

GO: Any = {"messages": [("user", "go")]}
THREAD: Any = {"configurable": {"thread_id": "t"}}
RULES: Any = {"refund": {"resource": "customer/{customer_id}", "metadata": ["amount"]}}


@pytest.fixture
async def space(connect: Connect) -> str:
    return await new_space(connect)


class Till:
    """A tool, and how often it paid."""

    def __init__(self) -> None:
        self.paid: list[str] = []

    def tool(self, is_async: bool = True) -> Any:
        async def refund_async(customer_id: str, amount: float = 500) -> str:
            """Refunds a customer."""
            return self.pay(customer_id)

        def refund_sync(customer_id: str, amount: float = 500) -> str:
            """Refunds a customer."""
            return self.pay(customer_id)

        function: Any = refund_async if is_async else refund_sync
        function.__name__ = "refund"
        return tool_of(function)

    def pay(self, customer_id: str) -> str:
        lease = current_lease()
        assert lease is not None
        assert lease.resource == f"customer/{customer_id}"
        self.paid.append(customer_id)
        return f"refunded {customer_id}"


def calls(*customers: str) -> Script:
    """A model that asks for these at once, and then says what it read."""

    def script(read: list[str]) -> Any:
        if not read:
            return [("refund", {"customer_id": customer, "amount": 500.0}) for customer in customers]
        return " | ".join(read)

    return script


def agent_of(mesh: ProtoMesh, tool: Any, script: Script, *, saver: Any = True, **options: Any) -> Any:
    middleware = [ProtoMeshMiddleware(mesh, options.pop("rules", RULES), **options)]
    checkpointer = InMemorySaver() if saver is True else saver
    return create_agent(ScriptedChat(script=script), [tool], middleware=middleware, checkpointer=checkpointer)


async def states(mesh: ProtoMesh) -> list[str]:
    return sorted([one.state async for one in mesh.approvals.list()])


async def test_a_call_that_people_have_to_approve_interrupts_and_runs_once(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(mesh, till.tool(), calls("1"))
    paused = await agent.ainvoke(GO, THREAD)
    value = paused["__interrupt__"][0].value
    assert (value["type"], value["action"], value["group"]) == ("protomesh_approval", "refund", "ops")
    assert (value["resource"], value["metadata"], value["tool"]) == ("customer/1", {"amount": 500}, "refund")
    assert value["approval_id"] in value["text"]
    assert await holders(mesh, "customer/1") == 0
    await connect("ann", namespace=space).approvals.approve(value["approval_id"], approver="ann")
    state = await agent.ainvoke(Command(resume=value), THREAD)
    assert read_by(state["messages"]) == ["refunded 1"]
    assert till.paid == ["1"]
    assert len(await states(mesh)) == 1


def test_the_same_in_a_thread(connect: Connect) -> None:
    space = asyncio.run(new_space(connect))
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(mesh, till.tool(is_async=False), calls("1"))
    value = agent.invoke(GO, THREAD)["__interrupt__"][0].value
    # Too early: nobody has decided.
    again = agent.invoke(Command(resume=value), THREAD)["__interrupt__"][0].value
    assert again["approval_id"] == value["approval_id"]
    mesh.sync.approvals.approve(value["approval_id"], approver="ann")
    assert read_by(agent.invoke(Command(resume=True), THREAD)["messages"]) == ["refunded 1"]
    assert till.paid == ["1"]


ANSWERS: dict[str, Callable[[Any], Any]] = {
    "value": lambda value: value,
    "id": lambda value: {"approval_id": value["approval_id"]},
    "true": lambda _: True,
    "text": lambda _: "go on",
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("is_approved", [True, False], ids=["approved", "denied"])
async def test_whatever_it_is_resumed_with_the_decision_counts(
    answer: str, is_approved: bool, connect: Connect, space: str
) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(mesh, till.tool(), calls("1"))
    value = (await agent.ainvoke(GO, THREAD))["__interrupt__"][0].value
    decide = mesh.approvals.approve if is_approved else mesh.approvals.deny
    await decide(value["approval_id"], approver="ann")
    state = await agent.ainvoke(Command(resume=ANSWERS[answer](value)), THREAD)
    assert "__interrupt__" not in state
    read = read_by(state["messages"])[0]
    assert till.paid == (["1"] if is_approved else [])
    assert read == "refunded 1" if is_approved else f"{value['approval_id']} was denied" in read
    # Nobody was asked twice.
    assert len(await states(mesh)) == 1


async def test_a_run_that_is_resumed_too_early_pauses_again(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(mesh, till.tool(), calls("1"))
    value = (await agent.ainvoke(GO, THREAD))["__interrupt__"][0].value
    for answer in (value, True):
        again = (await agent.ainvoke(Command(resume=answer), THREAD))["__interrupt__"][0].value
        assert again["approval_id"] == value["approval_id"]
    await mesh.approvals.approve(value["approval_id"], approver="ann")
    state = await agent.ainvoke(Command(resume=value), THREAD)
    assert read_by(state["messages"]) == ["refunded 1"]
    assert len(await states(mesh)) == 1


async def test_two_calls_wait_each_for_its_own_approval(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    agent = agent_of(mesh, till.tool(), calls("1", "2"))
    asked = (await agent.ainvoke(GO, THREAD))["__interrupt__"]
    assert {one.value["resource"] for one in asked} == {"customer/1", "customer/2"}
    by_resource = {one.value["resource"]: one for one in asked}
    await mesh.approvals.approve(by_resource["customer/1"].value["approval_id"], approver="ann")
    await mesh.approvals.deny(by_resource["customer/2"].value["approval_id"], approver="ann")
    state = await agent.ainvoke(Command(resume={one.id: one.value for one in asked}), THREAD)
    read = read_by(state["messages"])
    assert read[0] == "refunded 1"
    assert "was denied" in read[1]
    assert till.paid == ["1"]
    assert len(await states(mesh)) == 2


async def test_two_calls_of_one_node_take_no_answer_of_each_other(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    node = ToolNode([till.tool()], **tool_node_wrappers(mesh, RULES))
    graph = node_graph(node, calls("1", "2"), checkpointer=InMemorySaver())
    state = await graph.ainvoke(GO, THREAD)
    for _ in range(4):
        if "__interrupt__" not in state:
            break
        value = state["__interrupt__"][0].value
        async for one in mesh.approvals.list(state="pending"):
            await mesh.approvals.approve(one.approval_id, approver="ann")
        state = await graph.ainvoke(Command(resume=value), THREAD)
    assert sorted(set(till.paid)) == ["1", "2"]
    # Whatever ran, ran under an approval of its own.
    await until_async("it is written down", lambda: _consumed(mesh, len(till.paid)))


async def _consumed(mesh: ProtoMesh, count: int) -> bool:
    return (await states(mesh)).count("consumed") == count


async def test_without_a_checkpointer_the_model_reads_who_decides(connect: Connect, space: str) -> None:
    mesh, till = connect("a", namespace=space), Till()
    for options in ({"saver": None}, {"on_approval": "raise"}):
        state = await agent_of(mesh, till.tool(), calls("1"), **options).ainvoke(GO, THREAD)
        read = read_by(state["messages"])[0]
        assert read.startswith("Not done: refund. A person has to see this.")
        assert "A person of the group ops has to approve this: " in read
        message = state["messages"][-2]
        assert message.status == "error"
        assert message.artifact["approval_id"] in read
    assert till.paid == []


async def test_a_rule_may_wait_instead(connect: Connect, space: str) -> None:
    mesh, till, waiting = connect("a", namespace=space), Till(), list[Approval]()
    rules = {"refund": {**RULES["refund"], "on_approval": "wait", "on_waiting": waiting.append}}
    agent = agent_of(mesh, till.tool(), calls("1"), rules=rules)
    running = asyncio.ensure_future(agent.ainvoke(GO, THREAD))
    await until_async("it waits", lambda: waiting)
    await mesh.approvals.approve(waiting[0].approval_id, approver="ann")
    assert read_by((await running)["messages"]) == ["refunded 1"]


async def test_the_tools_own_question_gets_its_own_answer(connect: Connect, space: str) -> None:
    """Also where the policy wants people to see other calls of the same tool."""
    mesh = connect("a", namespace=space)

    async def refund(customer_id: str, amount: float = 5) -> str:
        """Refunds a customer."""
        return f"refunded by {interrupt('who are you?')}"

    def script(read: list[str]) -> Any:
        return read[0] if read else [("refund", {"customer_id": "1", "amount": 5.0})]

    agent = agent_of(mesh, tool_of(refund), script)
    assert (await agent.ainvoke(GO, THREAD))["__interrupt__"][0].value == "who are you?"
    state = await agent.ainvoke(Command(resume="Ann"), THREAD)
    assert read_by(state["messages"]) == ["refunded by Ann"]
    assert await states(mesh) == []


@pytest.mark.parametrize("answer", ["value", "true"])
async def test_a_tool_that_pauses_itself_gets_no_answer_that_was_not_for_it(
    answer: str, connect: Connect, space: str
) -> None:
    mesh, answers = connect("a", namespace=space), list[Any]()

    async def refund(customer_id: str, amount: float) -> str:
        """Refunds a customer."""
        answers.append(interrupt("who are you?"))
        return "refunded"

    agent = agent_of(mesh, tool_of(refund), calls("1"))
    value = (await agent.ainvoke(GO, THREAD))["__interrupt__"][0].value
    await mesh.approvals.approve(value["approval_id"], approver="ann")
    paused = await agent.ainvoke(Command(resume=ANSWERS[answer](value)), THREAD)
    assert paused["__interrupt__"][0].value == "who are you?"
    # It began under the approval, and begins again: what people approved was one beginning.
    state = await agent.ainvoke(Command(resume="Ann"), THREAD)
    assert f"The approval {value['approval_id']} was used already" in read_by(state["messages"])[0]
    assert answers == []
    assert len(await states(mesh)) == 1


class Order(TypedDict, total=False):
    customer: str
    outcome: str


def test_a_node_pauses_and_goes_on(connect: Connect) -> None:
    space = asyncio.run(new_space(connect))
    mesh = connect("a", namespace=space)
    rule: Any = {"resource": "customer/{customer}", "action": "refund", "metadata": {"amount": 500}}
    ran: list[str] = []

    @protect_node(mesh, rule)
    def pay(state: Order) -> Order:
        ran.append(state["customer"])
        return {"outcome": "paid"}

    graph = StateGraph(Order).add_node("pay", pay).add_edge(START, "pay").compile(checkpointer=InMemorySaver())
    for number, is_async in enumerate((False, True)):
        thread: Any = {"configurable": {"thread_id": f"t{number}"}}

        def step(given: Any, thread: Any = thread, is_async: bool = is_async) -> Any:
            return asyncio.run(graph.ainvoke(given, thread)) if is_async else graph.invoke(given, thread)

        value = step({"customer": "1"})["__interrupt__"][0].value
        assert (value["tool"], value["tool_call_id"]) == ("pay", None)
        mesh.sync.approvals.approve(value["approval_id"], approver="ann")
        assert step(Command(resume=value))["outcome"] == "paid"
    assert ran == ["1", "1"]
    until("both are written down", lambda: [one.state for one in mesh.sync.approvals.list()] == ["consumed"] * 2)


def test_an_option_that_there_is_not_is_refused(connect: Connect) -> None:
    mesh = connect()
    with pytest.raises(ValueError, match="on_approval"):
        ProtoMeshMiddleware(mesh, RULES, on_approval="perhaps")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_approval"):
        ProtoMeshMiddleware(mesh, {"refund": {"on_approval": "perhaps"}})
    with pytest.raises(TypeError, match="approval_id"):
        ProtoMeshMiddleware(mesh, {"refund": {"approval_id": "1"}})
