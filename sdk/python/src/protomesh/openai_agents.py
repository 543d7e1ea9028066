"""ProtoMesh in the OpenAI Agents SDK.

agent = Agent(name="support", tools=[protect(refund, mesh, "customer/{customer_id}")])
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, cast

from agents import (
    FunctionTool,
    RunState,
    ToolApprovalItem,
    ToolGuardrailFunctionOutput,
    ToolOutputGuardrail,
    ToolOutputGuardrailData,
)
from agents.tool_context import ToolContext

from ._answers.approvals import Approval
from ._async.client import ProtoMesh
from ._async.runtime import call_back
from ._errors import MeshError
from ._integrations.calls import current_guard, current_lease, plan_of, run_plan
from ._integrations.questions import names_of, newest
from ._integrations.refusals import Refusal, decided_text
from ._integrations.rules import CompiledRule, Plan, Protection, Rule, ToolCall, check_on_approval

__all__ = [
    "Protection",
    "Refusal",
    "Rule",
    "ToolCall",
    "apply_approvals",
    "current_guard",
    "current_lease",
    "protect",
]

#: What becomes of a call that people have to approve.
OnApproval = Literal["raise", "wait", "pause"]

_Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]
_SYNC = "__agents_sync_function_tool__"


class _Text(str):
    """A refusal on its way to the model, apart from what a tool says."""

    __slots__ = ()


def protect(tool: FunctionTool, mesh: ProtoMesh, rule: Rule, *, on_approval: OnApproval = "raise") -> FunctionTool:
    """The same tool, which runs under what the rule asks for. A refusal is the tool's output, which the model reads.

    ``on_approval`` says what becomes of a call that people have to approve, where its rule does not say: the model reads who
    decides (``"raise"``), the call waits for them (``"wait"``), or the run pauses (``"pause"``) as for the SDK's own
    ``needs_approval``: its ``interruptions`` have the call, and ``apply_approvals`` lets the decisions in. With ``"pause"``
    the SDK also pauses for arguments that are not used as the model wrote them, such as those with a default.

    ``needs_approval`` and input guardrails come first, so nothing is held while a person thinks. ``timeout_seconds``
    counts the time in the queue too: keep the rule's ``wait`` below it.
    """
    if not isinstance(tool, FunctionTool):
        raise TypeError(f"protect takes a FunctionTool, not {tool!r}.")
    check_on_approval(on_approval)
    compiled = CompiledRule(rule)
    on_approval = cast("OnApproval", compiled.on_approval or on_approval)
    protected = copy.copy(tool)
    invoker = protected.on_invoke_tool
    around = functools.partial(
        _around,
        mesh=mesh,
        rule=compiled,
        name=tool.name,
        in_thread=bool(getattr(invoker, _SYNC, False)),
        on_approval=on_approval,
    )
    implementation = getattr(invoker, "_invoke_tool_impl", None)
    if implementation is None:
        protected.on_invoke_tool = around(invoker)
    else:
        # What function_tool made: its invoker also checks arguments before an approval and handles the tool's errors, so
        # it stays on the outside. That way a failed tool's lease is released as failed.
        invoker = copy.copy(invoker)
        invoker._invoke_tool_impl = around(implementation)  # type: ignore[attr-defined]
        protected.on_invoke_tool = invoker
    if on_approval == "pause":
        protected.needs_approval = _NeedsApproval(mesh, compiled, tool)
    if _is_typed(tool):
        # The SDK would check a refusal against the tool's output type; what a guardrail puts in its place it does not.
        guardrails = [_refusals_pass, *(protected.tool_output_guardrails or ())]
        protected.tool_output_guardrails = cast("list[ToolOutputGuardrail[Any]]", guardrails)
    return protected


async def apply_approvals(state: RunState[Any, Any], *, timeout: float = 0.0) -> list[Approval]:
    """Lets what people decided into a paused run: approved calls are approved in its state, refused ones rejected with the
    text that the model reads. Those that nobody decided within ``timeout`` seconds stay as they are.

    The state may come from another process (``RunState.from_json``). The answer has the approvals that were found.
    """
    found: list[Approval] = []
    for item in state.get_interruptions():
        needs = _needs_of(item)
        approval = None if needs is None else await needs.find(item, getattr(state, "_context", None), timeout)
        if approval is None:
            continue
        found.append(approval)
        if approval.state in ("approved", "consumed"):
            state.approve(item)
        elif approval.state != "pending":
            state.reject(item, rejection_message=decided_text(approval.action, approval))
    return found


class _NeedsApproval:
    """Asks people when the policy wants them, before the SDK calls the tool."""

    def __init__(self, mesh: ProtoMesh, rule: CompiledRule, tool: FunctionTool) -> None:
        self._mesh = mesh
        self._rule = rule
        self._name = tool.name
        self._own = tool.needs_approval

    async def __call__(self, context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        if await self._is_wanted(context, arguments, call_id):
            return True
        plan = self._plan(context, arguments, call_id)
        if plan is None:
            return False
        resources = names_of(plan.resource)
        try:
            approval = await self._mesh.approvals.request(
                plan.action,
                resources[0] if len(resources) == 1 else None,
                resources=resources if len(resources) > 1 else None,
                metadata=plan.metadata,
                run_id=plan.options.get("run_id"),
                agent_id=plan.options.get("agent_id"),
                namespace=plan.options.get("namespace"),
            )
        except MeshError:
            # None is needed, or there is a reason that the guard tells the model.
            return False
        if approval.state != "pending":
            return False
        await call_back(plan.on_waiting, approval)
        return True

    async def find(self, item: ToolApprovalItem, context: Any, timeout: float) -> Approval | None:
        """What people say of a call that waits."""
        plan = self._plan(context, _read(str(_part(item, "arguments") or "")), _part(item, "call_id"))
        approval = None if plan is None else await newest(self._mesh, plan)
        if approval is not None and approval.state == "pending" and timeout > 0:
            approval = await self._mesh.approvals.wait(approval.approval_id, timeout)
        return approval

    async def _is_wanted(self, context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        if isinstance(self._own, bool):
            return self._own
        wanted = self._own(context, arguments, call_id)
        return bool(await wanted if inspect.isawaitable(wanted) else wanted)

    def _plan(self, context: Any, arguments: Mapping[str, Any], call_id: str | None) -> Plan | None:
        plan = plan_of(self._rule, ToolCall(name=self._name, arguments=arguments, id=call_id, context=context))
        # What cannot be told, the guard tells the model.
        return plan if isinstance(plan, Plan) and plan.on_approval in (None, "pause") else None


def _needs_of(item: ToolApprovalItem) -> _NeedsApproval | None:
    for tool in getattr(item.agent, "tools", ()):
        if getattr(tool, "name", None) == item.tool_name:
            needs = getattr(tool, "needs_approval", None)
            return needs if isinstance(needs, _NeedsApproval) else None
    return None


def _part(item: ToolApprovalItem, name: str) -> str | None:
    raw = item.raw_item
    found = raw.get(name) if isinstance(raw, dict) else getattr(raw, name, None)
    return None if found is None else str(found)


def _around(
    inner: _Invoke, *, mesh: ProtoMesh, rule: CompiledRule, name: str, in_thread: bool, on_approval: OnApproval
) -> _Invoke:
    # The inner function's attributes and annotations tell the SDK how to prepare its arguments and its context.
    @functools.wraps(inner, assigned=("__annotations__",), updated=("__dict__",) if hasattr(inner, "__dict__") else ())
    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        call = ToolCall(
            name=name, arguments=_read(arguments), id=getattr(context, "tool_call_id", None), context=context
        )
        plan = plan_of(rule, call)
        if isinstance(plan, Plan):
            plan = plan._replace(on_approval=plan.on_approval or on_approval)
        result = await run_plan(mesh, plan, lambda: inner(context, arguments), in_thread=in_thread)
        return _Text(result.text) if isinstance(result, Refusal) else result

    return invoke


def _read(arguments: str) -> Mapping[str, Any]:
    """The tool itself tells the model what is wrong with arguments that are no JSON; until then they are none."""
    try:
        read = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _is_typed(tool: FunctionTool) -> bool:
    return (
        getattr(tool, "output_json_schema", None) is not None or getattr(tool, "_output_type_adapter", None) is not None
    )


def _let_refusals_pass(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
    if isinstance(data.output, _Text):
        return ToolGuardrailFunctionOutput.reject_content(str(data.output))
    return ToolGuardrailFunctionOutput.allow()


_refusals_pass: ToolOutputGuardrail[Any] = ToolOutputGuardrail(
    guardrail_function=_let_refusals_pass, name="protomesh_refusals"
)
