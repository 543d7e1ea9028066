"""ProtoMesh in LangChain and LangGraph.

agent = create_agent(model, tools, middleware=[ProtoMeshMiddleware(mesh, {"refund": "customer/{customer_id}"})])
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeGuard, TypeVar

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import get_runtime

from ._async.client import ProtoMesh
from ._errors import to_error
from ._integrations.calls import current_guard, current_lease, plan_of, refuse_on_loop, run_plan, run_plan_sync
from ._integrations.refusals import Refusal
from ._integrations.rules import (
    CompiledRule,
    CompiledRules,
    Plan,
    Protection,
    Rule,
    Rules,
    ToolCall,
    check_on_approval,
)
from ._integrations.threads import ExclusiveThread, exclusive_thread
from ._interrupts import can_pause, pausing, pausing_sync
from ._sync.guard import SyncGuard

if TYPE_CHECKING:
    from langgraph.prebuilt.tool_node import ToolCallRequest
    from langgraph.types import Command

try:
    from langgraph._internal._runnable import RunnableCallable
except ImportError:  # Where older versions have it.
    from langgraph.utils.runnable import RunnableCallable  # type: ignore[attr-defined]
try:
    from langchain.agents.middleware import AgentMiddleware
except ImportError:  # LangGraph without LangChain: for its ToolNode the two methods are all that is needed.
    AgentMiddleware = object  # type: ignore[assignment,misc]

__all__ = [
    "ExclusiveThread",
    "Protection",
    "ProtoMeshMiddleware",
    "Refusal",
    "Rule",
    "Rules",
    "ToolCall",
    "ToolNodeWrappers",
    "current_guard",
    "current_lease",
    "exclusive_thread",
    "protect_node",
    "tool_node_wrappers",
]

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")

#: What becomes of a call that people have to approve.
OnApproval = Literal["raise", "wait", "pause"]


class ProtoMeshMiddleware(AgentMiddleware):
    """Middleware for ``create_agent``: each call of a tool runs under what its rule asks for. A refusal becomes a
    ToolMessage with the status ``error`` that the model reads.

    When people have to approve a call, the run is interrupted and nothing is held; the interrupt's value names the
    approval. Resume with it, ``Command(resume=interrupt.value)``, once they have decided: then the call runs, or the model
    reads why not.

    Put it last in the list, so that what other middleware makes of a call is what is protected, and so that a person who
    approves calls has done so before anything is locked. An ``interrupt()`` inside a protected tool releases the lease; on
    resume the tool starts again, with a lease of its own.
    """

    def __init__(self, mesh: ProtoMesh, rules: Rules, *, on_approval: OnApproval = "pause") -> None:
        """``on_approval``: what becomes of a call that people have to approve, where its rule does not say. ``"pause"``
        interrupts the run if the graph has a checkpointer, ``"wait"`` waits, ``"raise"`` lets the model read who decides."""
        super().__init__()
        self._mesh = mesh
        self._rules = CompiledRules(rules)
        check_on_approval(on_approval)
        self._on_approval = on_approval

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """For ``invoke`` and ``stream``."""
        call = _call(request)
        result = _run_sync(
            self._mesh,
            self._rules.of(call.name),
            call,
            lambda _: handler(request),
            asynchronous="the graph's ainvoke or astream",
            on_approval=self._on_approval,
        )
        return _message(result, call) if isinstance(result, Refusal) else result

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """For ``ainvoke`` and ``astream``."""
        call = _call(request)
        result = await _run(
            self._mesh,
            self._rules.of(call.name),
            call,
            lambda: handler(request),
            in_thread=_runs_in_thread(request.tool),
            on_approval=self._on_approval,
        )
        return _message(result, call) if isinstance(result, Refusal) else result


class ToolNodeWrappers(TypedDict):
    """Keywords of ToolNode."""

    wrap_tool_call: Callable[..., Any]
    awrap_tool_call: Callable[..., Any]


def tool_node_wrappers(mesh: ProtoMesh, rules: Rules, *, on_approval: OnApproval = "pause") -> ToolNodeWrappers:
    """For a graph without ``create_agent``: ``ToolNode(tools, **tool_node_wrappers(mesh, rules))``. Always give both: with
    only the synchronous one, a ToolNode would call it on the event loop, and it refuses to stop that."""
    middleware = ProtoMeshMiddleware(mesh, rules, on_approval=on_approval)
    return {"wrap_tool_call": middleware.wrap_tool_call, "awrap_tool_call": middleware.awrap_tool_call}


def protect_node(
    mesh: ProtoMesh,
    rule: Rule,
    *,
    refused: Callable[[Refusal, Any], Any] | None = None,
    on_approval: OnApproval = "pause",
) -> Callable[[_F], _F]:
    """Decorates a node: it runs under what the rule asks for, whose places are fields of the state.

    ``refused`` makes of a refusal and the state what the node returns: an update, or a Command that goes elsewhere. Without
    it the node raises, by what LangGraph's RetryPolicy decides: PolicyDeniedError and LockTimeoutError are not retried,
    UnavailableError and LeaseLostError are.

    An ``interrupt()`` in the node releases the lease, and the node starts from its beginning on resume; ask people in a
    node before it.
    """
    compiled = CompiledRule(rule)
    check_on_approval(on_approval)

    def settle(result: Any, state: Any) -> Any:
        if not isinstance(result, Refusal):
            return result
        if refused is not None:
            return refused(result, state)
        raise ValueError(result.text) if result.problem is None else to_error(result.problem)

    def decorate(node: _F) -> _F:
        name = getattr(node, "__name__", type(node).__name__)

        if inspect.iscoroutinefunction(node):

            @functools.wraps(node)
            async def protected(state: Any, *more: Any, **named: Any) -> Any:
                call = _node_call(name, state)
                body = functools.partial(node, state, *more, **named)
                return settle(await _run(mesh, compiled, call, body, in_thread=False, on_approval=on_approval), state)

            return protected  # type: ignore[return-value]
        if not inspect.isroutine(node):
            raise TypeError(f"protect_node decorates a function, not {node!r}.")

        @functools.wraps(node)
        def protected_sync(state: Any, *more: Any, **named: Any) -> Any:
            result = _run_sync(
                mesh,
                compiled,
                _node_call(name, state),
                lambda _: node(state, *more, **named),
                asynchronous="an async def for the node",
                on_approval=on_approval,
            )
            return settle(result, state)

        @functools.wraps(node)
        async def protected_in_thread(state: Any, *more: Any, **named: Any) -> Any:
            body = functools.partial(asyncio.to_thread, node, state, *more, **named)
            call = _node_call(name, state)
            return settle(await _run(mesh, compiled, call, body, in_thread=True, on_approval=on_approval), state)

        return _Node(protected_sync, protected_in_thread)  # type: ignore[return-value]

    return decorate


async def _run(
    mesh: ProtoMesh,
    rule: CompiledRule | None,
    call: ToolCall,
    body: Callable[[], Awaitable[_T]],
    *,
    in_thread: bool,
    on_approval: OnApproval,
) -> _T | Refusal:
    async def attempt(plan: Plan | Refusal | None) -> _T | Refusal:
        return await run_plan(mesh, plan, body, pauses=(GraphBubbleUp,), in_thread=in_thread, beat=_heartbeat())

    plan = _with_default(plan_of(rule, call), on_approval)
    return await pausing(mesh, plan, call, attempt) if _pauses(plan) else await attempt(plan)


def _run_sync(
    mesh: ProtoMesh,
    rule: CompiledRule | None,
    call: ToolCall,
    body: Callable[[SyncGuard], _T],
    *,
    asynchronous: str,
    on_approval: OnApproval,
) -> _T | Refusal:
    refuse_on_loop(asynchronous)
    twin = mesh.sync

    def attempt(plan: Plan | Refusal | None) -> _T | Refusal:
        return run_plan_sync(twin, plan, call, body, pauses=(GraphBubbleUp,))

    plan = _with_default(plan_of(rule, call), on_approval)
    return pausing_sync(twin, plan, call, attempt) if _pauses(plan) else attempt(plan)


def _with_default(plan: Plan | Refusal | None, on_approval: OnApproval) -> Plan | Refusal | None:
    return plan._replace(on_approval=plan.on_approval or on_approval) if isinstance(plan, Plan) else plan


def _pauses(plan: Plan | Refusal | None) -> TypeGuard[Plan]:
    return isinstance(plan, Plan) and plan.on_approval == "pause" and can_pause()


class _Node(RunnableCallable):
    """A function as a node of both kinds of run. LangGraph itself would wait for the lock in a thread under ``ainvoke``,
    which no cancellation reaches: the wait would go on, and the node would run after its run has ended."""

    def __init__(self, function: Callable[..., Any], in_thread: Callable[..., Any]) -> None:
        super().__init__(function, in_thread, name=function.__name__, trace=False)
        # LangGraph reads a node's input and where it may go from its annotations.
        functools.update_wrapper(self, function)

    def __call__(self, *state, **named):  # type: ignore[no-untyped-def]
        return self.func(*state, **named)  # type: ignore[misc]


def _call(request: ToolCallRequest) -> ToolCall:
    call = request.tool_call
    return ToolCall(name=call["name"], arguments=call["args"], id=call["id"], context=request.runtime)


def _node_call(name: str, state: Any) -> ToolCall:
    if isinstance(state, list):
        state = {"messages": state}
    fields = state if isinstance(state, Mapping) else {field: getattr(state, field) for field in _fields(state)}
    return ToolCall(name=name, arguments=fields, context=state)


def _fields(state: Any) -> list[str]:
    """Of a model of Pydantic or a dataclass."""
    kind = type(state)
    fields: Any = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", ())
    return list(fields)


def _message(refusal: Refusal, call: ToolCall) -> ToolMessage:
    return ToolMessage(
        content=refusal.text, name=call.name, tool_call_id=call.id, status="error", artifact=refusal.details
    )


def _runs_in_thread(tool: BaseTool | None) -> bool:
    """LangChain runs a tool that has no coroutine in an executor."""
    if tool is None:
        return False
    if type(tool)._arun is BaseTool._arun:
        return True
    return hasattr(tool, "func") and getattr(tool, "coroutine", None) is None


def _heartbeat() -> Callable[[], None] | None:
    """Waiting in a queue is no silence: a node's TimeoutPolicy.idle_timeout does not end it."""
    try:
        return getattr(get_runtime(), "heartbeat", None)
    except (LookupError, RuntimeError, AttributeError):
        return None
