"""What can go wrong in LangChain and LangGraph, and does not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeTimeoutError
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy, TimeoutPolicy, interrupt
from typing_extensions import TypedDict

from helpers import new_name, until_async
from protomesh import LeaseLostError, LockTimeoutError, PolicyDeniedError, ProtoMesh, UnavailableError
from protomesh.langgraph import (
    ProtoMeshMiddleware,
    current_lease,
    protect_node,
    tool_node_wrappers,
)

from .rigs import follow
from .rigs.langgraph_rig import ScriptedChat, node_graph, read_by, tool_of
from .work import Desk, holders, waiting

Connect = Callable[..., ProtoMesh]
RULES = {"update": "customer/{customer_id}"}
GO: Any = {"messages": [("user", "go")]}


def thread(name: str = "t") -> Any:
    return {"configurable": {"thread_id": name}}


def new_customer() -> str:
    return new_name().partition("/")[2]


async def asks(customer_id: str) -> str:
    """Asks a person in the middle of its work."""
    return f"updated by {interrupt('may I?')}"


asks.__name__ = "update"


@pytest.mark.parametrize("handle", [True, False])
async def test_an_interrupt_in_a_protected_tool_goes_through_and_holds_nothing(connect: Connect, handle: bool) -> None:
    mesh, customer = connect("a"), new_customer()
    node = ToolNode([tool_of(asks)], handle_tool_errors=handle, **tool_node_wrappers(mesh, RULES))
    script = follow([("update", {"customer_id": customer})], "done")
    graph = node_graph(node, script, checkpointer=InMemorySaver())
    paused = await graph.ainvoke(GO, thread())
    assert paused["__interrupt__"][0].value == "may I?"
    assert await holders(mesh, f"customer/{customer}") == 0
    async with connect("b").lock(f"customer/{customer}", wait=0) as other:
        assert other.previous is not None
        assert other.previous.note is None
    state = await graph.ainvoke(Command(resume="Ann"), thread())
    assert read_by(state["messages"]) == ["updated by Ann"]


def test_the_same_in_a_thread(connect: Connect) -> None:
    def update(customer_id: str) -> str:
        """Asks a person in the middle of its work."""
        assert current_lease() is not None
        return f"updated by {interrupt('may I?')}"

    mesh, customer = connect("a"), new_customer()
    script = follow([("update", {"customer_id": customer})], "done")
    model = ScriptedChat(script=script)
    middleware = [ProtoMeshMiddleware(mesh, RULES)]
    agent = create_agent(model, [tool_of(update)], middleware=middleware, checkpointer=InMemorySaver())
    assert agent.invoke(GO, thread())["__interrupt__"]
    with mesh.sync.lock(f"customer/{customer}", wait=0) as lease:
        assert lease.previous is not None
        assert lease.previous.note is None
    assert read_by(agent.invoke(Command(resume="Ann"), thread())["messages"]) == ["updated by Ann"]


async def test_nothing_is_locked_before_a_person_approved_and_what_they_edited_is_locked(connect: Connect) -> None:
    mesh, customer, other = connect("a"), new_customer(), new_customer()
    held: list[Any] = []

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        lease = current_lease()
        assert lease is not None
        held.append(lease.resource)
        return f"updated {customer_id}"

    agent = create_agent(
        ScriptedChat(script=follow([("update", {"customer_id": customer})], "done")),
        [tool_of(update)],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"update": True}), ProtoMeshMiddleware(mesh, RULES)],
        checkpointer=InMemorySaver(),
    )
    await agent.ainvoke(GO, thread())
    assert await holders(mesh, f"customer/{customer}") == 0
    edited = {"name": "update", "args": {"customer_id": other}}
    state = await agent.ainvoke(Command(resume={"decisions": [{"type": "edit", "edited_action": edited}]}), thread())
    assert read_by(state["messages"])[0].endswith(f"updated {other}")
    assert held == [f"customer/{other}"]


async def test_a_synchronous_wrapper_on_an_asynchronous_graph_is_refused_and_stops_no_loop(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()
    ticks = 0

    def update(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        return "updated"

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    only = tool_node_wrappers(mesh, RULES)["wrap_tool_call"]
    script = follow([("update", {"customer_id": customer})], "done")
    graph = node_graph(ToolNode([tool_of(update)], wrap_tool_call=only), script)
    ticking = asyncio.ensure_future(tick())
    async with connect("b").lock(f"customer/{customer}"):
        started = time.monotonic()
        with pytest.raises(RuntimeError, match="ainvoke or astream"):
            await graph.ainvoke(GO)
        assert time.monotonic() - started < 2
    ticking.cancel()
    assert ticks > 0
    assert desk.started == 0


async def test_a_sibling_of_a_failed_call_lets_go_when_it_ends(connect: Connect) -> None:
    mesh, customer, other = connect("a"), new_customer(), new_customer()
    works, may_fail = asyncio.Event(), asyncio.Event()

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        if customer_id == other:
            await works.wait()
            raise ZeroDivisionError
        works.set()
        await may_fail.wait()
        return "updated"

    node = ToolNode([tool_of(update)], handle_tool_errors=False, **tool_node_wrappers(mesh, RULES))
    calls = [("update", {"customer_id": customer}), ("update", {"customer_id": other})]
    with pytest.raises(ZeroDivisionError):
        await node_graph(node, follow(calls)).ainvoke(GO)
    may_fail.set()
    await until_async("both are free", lambda: both_free(mesh, customer, other))


async def both_free(mesh: ProtoMesh, *customers: str) -> bool:
    return not sum(
        [await holders(mesh, f"customer/{one}") + await waiting(mesh, f"customer/{one}") for one in customers]
    )


async def test_a_sibling_that_runs_again_on_resume_has_a_lease_of_its_own_each_time(connect: Connect) -> None:
    mesh, customer, other = connect("a"), new_customer(), new_customer()
    tokens: list[int] = []

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        if customer_id == other:
            return f"updated by {interrupt('may I?')}"
        lease = current_lease()
        assert lease is not None
        tokens.append(lease.fencing_token)
        return "updated"

    node = ToolNode([tool_of(update)], **tool_node_wrappers(mesh, RULES))
    calls = [("update", {"customer_id": customer}), ("update", {"customer_id": other})]
    graph = node_graph(node, follow(calls, "done"), checkpointer=InMemorySaver())
    await graph.ainvoke(GO, thread())
    await until_async("both are free", lambda: both_free(mesh, customer, other))
    state = await graph.ainvoke(Command(resume="Ann"), thread())
    assert read_by(state["messages"]) == ["updated", "updated by Ann"]
    # LangGraph runs the whole node again; two leases, never one across the pause.
    assert len(tokens) == 2
    assert tokens[0] < tokens[1]


async def test_a_refusal_is_a_tool_message_with_an_error_and_its_code(connect: Connect) -> None:
    async def buy(cost: float) -> str:
        """Buys something."""
        return "bought"

    rules: Any = {"buy": {"action": "spend", "metadata": {"estimated_cost": "{cost}"}}}
    agent = create_agent(
        ScriptedChat(script=follow([("buy", {"cost": 500})], "done")),
        [tool_of(buy)],
        middleware=[ProtoMeshMiddleware(connect("a"), rules)],
        checkpointer=InMemorySaver(),
    )
    await agent.ainvoke(GO, thread())
    # Read back, since whatever enters the state has to survive a checkpoint.
    state = await agent.aget_state(thread())
    message = next(one for one in state.values["messages"] if isinstance(one, ToolMessage))
    assert message.status == "error"
    assert message.name == "buy"
    assert message.artifact == {"code": "policy_denied", "retryable": False, "retry_after_ms": None}


async def test_a_command_that_a_tool_gives_goes_through(connect: Connect) -> None:
    async def update(customer_id: str) -> Any:
        """Updates a customer."""
        return Command(update={"messages": [ToolMessage("by command", tool_call_id="call-0-0")]})

    agent = create_agent(
        ScriptedChat(script=follow([("update", {"customer_id": new_customer()})], "done")),
        [tool_of(update)],
        middleware=[ProtoMeshMiddleware(connect("a"), RULES)],
    )
    assert read_by((await agent.ainvoke(GO))["messages"]) == ["by command"]


async def test_a_rule_sees_the_thread_and_the_runtime(connect: Connect) -> None:
    mesh, customer = connect("a"), new_customer()
    sessions: list[Any] = []

    async def update(customer_id: str) -> str:
        """Updates a customer."""
        lease = current_lease()
        assert lease is not None
        sessions.append(lease.grant.session_id)
        return "updated"

    def rule(call: Any) -> Any:
        session = call.context.execution_info.thread_id
        return {"resource": f"customer/{call.arguments['customer_id']}", "session_id": session}

    agent = create_agent(
        ScriptedChat(script=follow([("update", {"customer_id": customer})], "done")),
        [tool_of(update)],
        middleware=[ProtoMeshMiddleware(mesh, rule)],
        checkpointer=InMemorySaver(),
    )
    await agent.ainvoke(GO, thread("seven"))
    assert sessions == ["seven"]


class Order(TypedDict, total=False):
    customer: str
    cost: float
    result: str


def graph_of(node: Any, *, then: Any = None, **options: Any) -> Any:
    graph = StateGraph(Order)
    graph.add_node("work", node, **options)
    graph.add_edge(START, "work")
    if then is not None:
        graph.add_node("then", then)
        graph.add_edge("then", END)
    return graph


async def test_a_protected_node_works_alone(connect: Connect) -> None:
    customer, desk = new_customer(), Desk()

    def node_for(agent: str) -> Any:
        @protect_node(connect(agent), "customer/{customer}")
        async def work(state: Order) -> Order:
            desk.begin()
            await asyncio.sleep(0.1)
            desk.end()
            return {"result": agent}

        return graph_of(work).compile()

    both = await asyncio.gather(*(node_for(agent).ainvoke({"customer": customer}) for agent in "ab"))
    assert [state["result"] for state in both] == ["a", "b"]
    assert (desk.done, desk.most_at_once) == (2, 1)


def test_a_protected_node_in_a_thread_works_alone(connect: Connect) -> None:
    from concurrent.futures import ThreadPoolExecutor

    customer, desk = new_customer(), Desk()

    @protect_node(connect("a"), "customer/{customer}")
    def work(state: Order) -> Order:
        desk.begin()
        time.sleep(0.1)
        desk.end()
        return {"result": "done"}

    graph = graph_of(work).compile()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(graph.invoke, [{"customer": customer}] * 2))
    assert [state["result"] for state in results] == ["done"] * 2
    assert (desk.done, desk.most_at_once) == (2, 1)


async def test_a_cancelled_run_takes_its_waiting_node_back_also_when_it_is_no_coroutine(connect: Connect) -> None:
    mesh, customer, desk = connect("a"), new_customer(), Desk()

    @protect_node(mesh, "customer/{customer}")
    def work(state: Order) -> Order:
        desk.begin()
        desk.end()
        return {"result": "done"}

    async with connect("b").lock(f"customer/{customer}"):
        running = asyncio.ensure_future(graph_of(work).compile().ainvoke({"customer": customer}))
        await until_async("it waits", lambda: waiting(mesh, f"customer/{customer}"))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await waiting(mesh, f"customer/{customer}") == 0
    async with connect("c").lock(f"customer/{customer}"):
        assert desk.started == 0


async def test_a_cancelled_run_keeps_the_lease_of_a_node_whose_thread_still_writes(connect: Connect) -> None:
    mesh, customer, desk, go_on = connect("a"), new_customer(), Desk(), threading.Event()

    @protect_node(mesh, "customer/{customer}")
    def work(state: Order) -> Order:
        desk.begin()
        go_on.wait(20)
        desk.end()
        return {"result": "done"}

    running = asyncio.ensure_future(graph_of(work).compile().ainvoke({"customer": customer}))
    try:
        await until_async("it works", lambda: desk.at_once)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await holders(mesh, f"customer/{customer}") == 1
    finally:
        go_on.set()

    async def is_free() -> bool:
        return await holders(mesh, f"customer/{customer}") == 0

    await until_async("it is free", is_free)
    assert desk.done == 1


class Part(TypedDict, total=False):
    customer: Any


async def test_a_protected_function_is_a_node_and_a_function_as_before(connect: Connect) -> None:
    customer = new_customer()

    @protect_node(connect("a"), "customer/{customer}")
    def work(state: Part, config: RunnableConfig) -> Command[Literal["then"]]:
        """Works."""
        lease = current_lease()
        assert lease is not None
        assert sorted(state) == ["customer"]
        return Command(goto="then", update={"result": config["configurable"]["thread_id"]})

    def then(state: Order) -> Order:
        return {"result": state["result"] + " then"}

    assert (work.__name__, work.__doc__) == ("work", "Works.")
    direct: Any = await asyncio.to_thread(work, {"customer": customer}, thread("direct"))
    assert direct.update == {"result": "direct"}
    graph: Any = StateGraph(Order).add_node(work).add_node(then).add_edge(START, "work").compile()
    given = {"customer": customer, "cost": 5.0}
    assert (await graph.ainvoke(given, thread("t")))["result"] == "t then"
    assert (await asyncio.to_thread(graph.invoke, given, thread("u")))["result"] == "u then"


async def test_a_refused_node_goes_elsewhere(connect: Connect) -> None:
    rule: Any = {"action": "spend", "metadata": {"estimated_cost": "{cost}"}}

    @protect_node(
        connect("a"), rule, refused=lambda refusal, state: Command(goto="then", update={"result": refusal.text})
    )
    async def work(state: Order) -> Order:
        return {"result": "spent"}

    async def then(state: Order) -> Order:
        return {"result": "asked a person, since: " + state["result"]}

    graph = graph_of(work, then=then, destinations=("then", END)).compile()
    state = await graph.ainvoke({"cost": 500})
    assert state["result"].startswith("asked a person, since: Not done: spend. Cost $500 exceeds limit $100")
    assert (await graph.ainvoke({"cost": 5}))["result"] == "spent"


async def test_an_error_of_a_node_is_retried_by_what_it_is(connect: Connect) -> None:
    tries: list[str] = []

    async def attempts(mesh: ProtoMesh, make: Callable[[Any], Any], body: Any, kind: type[Exception]) -> int:
        tries.clear()

        def rule(call: Any) -> Any:
            tries.append(call.name)
            return make(call)

        node = protect_node(mesh, rule)(body)
        policy = RetryPolicy(max_attempts=3, initial_interval=0.01, jitter=False)
        with pytest.raises(kind):
            await graph_of(node, retry_policy=policy).compile().ainvoke({"customer": "1"})
        return len(tries)

    async def work(state: Order) -> Order:
        return {"result": "done"}

    async def lose(state: Order) -> Order:
        lease = current_lease()
        assert lease is not None
        assert lease.resource is not None
        await mesh.locks.force_release(lease.resource, "test", immediate=True)
        await asyncio.sleep(5)
        return {"result": "done"}

    mesh, away, name = connect("a"), connect("a", "http://127.0.0.1:9", retry_for=0.1), new_name()
    spend = {"action": "spend", "metadata": {"estimated_cost": 500}}
    assert await attempts(mesh, lambda _: spend, work, PolicyDeniedError) == 1
    async with connect("b").lock(name):
        assert await attempts(mesh, lambda _: {"resource": name, "wait": 0.2}, work, LockTimeoutError) == 1
    assert await attempts(away, lambda _: {"resource": name, "wait": 0}, work, UnavailableError) == 3
    assert await attempts(mesh, lambda _: {"resource": new_name(), "ttl": 1}, lose, LeaseLostError) == 3


async def test_waiting_in_the_queue_is_no_silence(connect: Connect) -> None:
    name = new_name()

    @protect_node(connect("a"), {"resource": name})
    async def work(state: Order) -> Order:
        return {"result": "done"}

    async def silent(state: Order) -> Order:
        await asyncio.sleep(5)
        return {"result": "done"}

    policy = TimeoutPolicy(idle_timeout=0.8)
    with pytest.raises(NodeTimeoutError):
        await graph_of(silent, timeout=policy).compile().ainvoke({})
    lease = await connect("b").locks.acquire(name)
    run = asyncio.ensure_future(graph_of(work, timeout=policy).compile().ainvoke({}))
    await asyncio.sleep(2)
    assert not run.done()
    await lease.release()
    assert (await run)["result"] == "done"


async def test_only_a_ticket_enters_the_state_and_is_taken_up_after_the_pause(connect: Connect) -> None:
    name, before, after = new_name(), connect("a"), connect("a")

    class Held(TypedDict, total=False):
        ticket: str
        result: str

    async def begin(state: Held) -> Held:
        lease = await before.locks.acquire(name, ttl=20)
        return {"ticket": lease.ticket().to_json()}

    async def ask(state: Held) -> Held:
        interrupt("may I?")
        return {}

    async def end(state: Held) -> Held:
        lease = await after.attach(state["ticket"])
        await lease.release()
        return {"result": "done"}

    graph = StateGraph(Held).add_sequence([begin, ask, end]).add_edge(START, "begin")
    compiled = graph.compile(checkpointer=InMemorySaver())
    await compiled.ainvoke({}, thread())
    assert await holders(after, name) == 1
    assert (await compiled.ainvoke(Command(resume=True), thread()))["result"] == "done"
    assert await holders(after, name) == 0
    # Taken away during the pause: whoever comes back reads that it is lost, and writes nothing.
    await compiled.ainvoke({}, thread("other"))
    await after.locks.force_release(name, "test", immediate=True)
    with pytest.raises(LeaseLostError):
        await compiled.ainvoke(Command(resume=True), thread("other"))
