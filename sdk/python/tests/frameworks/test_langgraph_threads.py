"""One run at a time on a thread of a graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from helpers import new_name, until_async
from protomesh import LeaseLostError, LockTimeoutError, ProtoMesh
from protomesh.langgraph import exclusive_thread

from .work import Desk, holders, waiting

Connect = Callable[..., ProtoMesh]


class Order(TypedDict, total=False):
    customer: Any
    result: str


def thread(name: str = "t") -> Any:
    return {"configurable": {"thread_id": name}}


class Threads:
    """A graph that counts who runs at once."""

    def __init__(self, seconds: float = 0.15, pause: bool = False) -> None:
        self.desk = Desk()
        self.seconds = seconds
        self.inner: Any = None

        async def work(state: Order) -> Order:
            self.desk.begin()
            try:
                await asyncio.sleep(self.seconds)
                if self.inner is not None:
                    inner, self.inner = self.inner, None
                    # The config, in a place that is at hand.
                    await inner.ainvoke({}, state["customer"])
            finally:
                self.desk.end()
            if pause:
                interrupt("may I?")
            return {"result": "done"}

        async def more(state: Order) -> Order:
            return {"result": "more"}

        graph = StateGraph(Order).add_sequence([work, more]).add_edge(START, "work")
        self.graph: Any = graph.compile(checkpointer=InMemorySaver())


async def test_two_runs_on_one_thread_come_one_after_the_other(connect: Connect) -> None:
    made, name = Threads(), new_name()
    runs = [exclusive_thread(made.graph, connect(agent)).ainvoke({}, thread(name)) for agent in "ab"]
    assert [state["result"] for state in await asyncio.gather(*runs)] == ["more"] * 2
    assert (made.desk.done, made.desk.most_at_once) == (2, 1)


async def test_runs_on_different_threads_run_at_once(connect: Connect) -> None:
    made = Threads(0.4)
    graph = exclusive_thread(made.graph, connect("a"))
    await asyncio.gather(*(graph.ainvoke({}, thread(new_name())) for _ in range(3)))
    assert made.desk.most_at_once == 3


async def test_a_thread_is_locked_while_it_is_read_as_a_stream_and_free_when_reading_ends(connect: Connect) -> None:
    made, mesh, name = Threads(0.01), connect("a"), new_name()
    graph = exclusive_thread(made.graph, mesh)
    parts = [part async for part in graph.astream({}, thread(name), stream_mode="updates")]
    assert [next(iter(part)) for part in parts] == ["work", "more"]
    assert await holders(mesh, f"langgraph/thread/{name}") == 0
    stream = graph.astream({}, thread(name), stream_mode="updates")
    await anext(stream)
    assert await holders(mesh, f"langgraph/thread/{name}") == 1
    await stream.aclose()
    assert await holders(mesh, f"langgraph/thread/{name}") == 0


async def test_a_run_that_loses_its_thread_ends(connect: Connect) -> None:
    made, mesh, name = Threads(10), connect("a"), new_name()
    graph = exclusive_thread(made.graph, mesh, ttl=1)
    resource = f"langgraph/thread/{name}"

    async def read() -> None:
        async for _ in graph.astream({}, thread(name)):
            pass

    for run in (graph.ainvoke({}, thread(name)), read()):
        running = asyncio.ensure_future(run)
        await until_async("it works", lambda: made.desk.at_once)
        await mesh.locks.force_release(resource, "test", immediate=True)
        with pytest.raises(LeaseLostError):
            await running
        assert made.desk.at_once == 0


async def test_a_cancelled_run_or_reader_frees_its_thread(connect: Connect) -> None:
    made, mesh, name = Threads(10), connect("a"), new_name()
    graph = exclusive_thread(made.graph, mesh)

    async def read() -> None:
        async for _ in graph.astream({}, thread(name)):
            pass

    for run in (graph.ainvoke({}, thread(name)), read()):
        running = asyncio.ensure_future(run)
        await until_async("it works", lambda: made.desk.at_once)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await holders(mesh, f"langgraph/thread/{name}") == 0


async def test_an_interrupt_frees_the_thread(connect: Connect) -> None:
    made, mesh, name = Threads(0.01, pause=True), connect("a"), new_name()
    graph = exclusive_thread(made.graph, mesh)
    assert "__interrupt__" in await graph.ainvoke({}, thread(name))
    assert await holders(mesh, f"langgraph/thread/{name}") == 0
    assert (await graph.ainvoke(Command(resume=True), thread(name)))["result"] == "more"


async def test_who_does_not_get_the_thread_in_time_hears_it(connect: Connect) -> None:
    made, name = Threads(0.01), new_name()
    async with connect("b").lock(f"langgraph/thread/{name}"):
        with pytest.raises(LockTimeoutError):
            await exclusive_thread(made.graph, connect("a"), wait=0.3).ainvoke({}, thread(name))
    assert made.desk.started == 0


async def test_a_task_that_outlives_its_run_takes_the_lock_itself(connect: Connect) -> None:
    mesh, name, go_on = connect("a"), new_name(), asyncio.Event()
    desk, left = Desk(), []
    resource = f"langgraph/thread/{name}"

    async def later() -> None:
        await go_on.wait()
        await exclusive.ainvoke({"result": "later"}, thread(name))

    async def work(state: Order) -> Order:
        if state.get("result") == "later":
            desk.begin()
            desk.end()
        else:
            left.append(asyncio.ensure_future(later()))
        return {}

    exclusive = exclusive_thread(
        StateGraph(Order).add_node("work", work).add_edge(START, "work").compile(checkpointer=InMemorySaver()), mesh
    )
    for run in ("ainvoke", "astream"):
        go_on.clear()
        if run == "ainvoke":
            await exclusive.ainvoke({"result": "first"}, thread(name))
        else:
            async for _ in exclusive.astream({"result": "first"}, thread(name)):
                pass
        async with connect("b").lock(resource):
            started = desk.started
            go_on.set()
            await until_async("it waits", lambda: left[-1].done() or waiting(mesh, resource))
            assert desk.started == started
        await left[-1]
        assert desk.started == started + 1


async def test_a_graph_that_calls_itself_on_its_thread_does_not_wait_for_itself(connect: Connect) -> None:
    made, name = Threads(0.01), new_name()
    graph = exclusive_thread(made.graph, connect("a"), wait=2)
    made.inner = graph
    state = await graph.ainvoke({"customer": thread(name)}, thread(name))
    assert state["result"] == "more"
    assert made.desk.done == 2


def test_a_thread_is_locked_for_synchronous_runs_too(connect: Connect) -> None:
    mesh, name = connect("a"), new_name()
    resource = f"langgraph/thread/{name}"
    seen: list[int] = []

    def work(state: Order) -> Order:
        seen.append(len(mesh.sync.locks.queue(resource).held_by))
        return {"result": "done"}

    graph = exclusive_thread(
        StateGraph(Order).add_sequence([work]).add_edge(START, "work").compile(checkpointer=InMemorySaver()), mesh
    )
    assert graph.invoke({}, thread(name))["result"] == "done"
    assert list(graph.stream({}, thread(name), stream_mode="updates")) == [{"work": {"result": "done"}}]
    graph.update_state(thread(name), {"result": "other"})
    assert graph.get_state(thread(name)).values["result"] == "other"
    assert seen == [1, 1]
    assert mesh.sync.locks.queue(resource).held_by == ()


async def test_what_would_run_without_the_lock_is_refused(connect: Connect) -> None:
    graph = exclusive_thread(Threads().graph, connect("a"))
    for name in ("batch", "abatch", "astream_events", "with_config"):
        with pytest.raises(AttributeError, match="without the lock"):
            getattr(graph, name)
    with pytest.raises(ValueError, match="thread_id"):
        await graph.ainvoke({})
    assert graph.get_graph() is not None


def test_runs_of_an_exclusive_thread_have_no_common_request_id(connect: Connect) -> None:
    with pytest.raises(TypeError, match="request_id"):
        exclusive_thread(Threads().graph, connect("a"), request_id="12345678")
