"""ProtoMesh in the OpenAI Agents SDK.

agent = Agent(name="support", tools=[protect(refund, mesh, "customer/{customer_id}")])
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from agents import FunctionTool, ToolGuardrailFunctionOutput, ToolOutputGuardrail, ToolOutputGuardrailData
from agents.tool_context import ToolContext

from ._async.client import ProtoMesh
from ._integrations.calls import current_lease, run
from ._integrations.refusals import Refusal
from ._integrations.rules import CompiledRule, Protection, Rule, ToolCall

__all__ = ["Protection", "Refusal", "Rule", "ToolCall", "current_lease", "protect"]

_Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]
_SYNC = "__agents_sync_function_tool__"


class _Text(str):
    """A refusal on its way to the model, apart from what a tool says."""

    __slots__ = ()


def protect(tool: FunctionTool, mesh: ProtoMesh, rule: Rule) -> FunctionTool:
    """The same tool, which runs under what the rule asks for. A refusal is the tool's output, which the model reads.

    ``needs_approval`` and input guardrails come first, so nothing is held while a person thinks. ``timeout_seconds``
    counts the time in the queue too: keep the rule's ``wait`` below it.
    """
    if not isinstance(tool, FunctionTool):
        raise TypeError(f"protect takes a FunctionTool, not {tool!r}.")
    protected = copy.copy(tool)
    invoker = protected.on_invoke_tool
    around = functools.partial(
        _around, mesh=mesh, rule=CompiledRule(rule), name=tool.name, in_thread=bool(getattr(invoker, _SYNC, False))
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
    if _is_typed(tool):
        # The SDK would check a refusal against the tool's output type; what a guardrail puts in its place it does not.
        guardrails = [_refusals_pass, *(protected.tool_output_guardrails or ())]
        protected.tool_output_guardrails = cast("list[ToolOutputGuardrail[Any]]", guardrails)
    return protected


def _around(inner: _Invoke, *, mesh: ProtoMesh, rule: CompiledRule, name: str, in_thread: bool) -> _Invoke:
    # The inner function's attributes and annotations tell the SDK how to prepare its arguments and its context.
    @functools.wraps(inner, assigned=("__annotations__",), updated=("__dict__",) if hasattr(inner, "__dict__") else ())
    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        call = ToolCall(
            name=name, arguments=_read(arguments), id=getattr(context, "tool_call_id", None), context=context
        )
        result = await run(mesh, rule, call, lambda: inner(context, arguments), in_thread=in_thread)
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
