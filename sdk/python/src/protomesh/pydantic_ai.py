"""ProtoMesh in Pydantic AI.

toolset = ProtoMeshToolset(FunctionToolset([refund]), mesh, {"refund": "customer/{customer_id}"})
agent = Agent(model, toolsets=[toolset])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import RunContext, ToolDenied
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset
from typing_extensions import TypeVar

from ._async.client import ProtoMesh
from ._integrations.calls import current_guard, current_lease, run
from ._integrations.refusals import Refusal
from ._integrations.rules import CompiledRules, Protection, Rule, Rules, ToolCall

__all__ = ["Protection", "ProtoMeshToolset", "Refusal", "Rule", "Rules", "ToolCall", "current_guard", "current_lease"]

DepsT = TypeVar("DepsT", default=None, contravariant=True)


@dataclass
class ProtoMeshToolset(WrapperToolset[DepsT]):
    """A toolset whose calls run under what their rules ask for. A refusal is the tool's result with the outcome
    ``denied``, which the model reads; a loss while the tool ran is a result too.

    Put toolsets that ask people around it, as ``ApprovalRequiredToolset(ProtoMeshToolset(...))``: then nothing is locked
    before the approval.
    """

    mesh: ProtoMesh
    rules: Rules
    _compiled: CompiledRules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._compiled = CompiledRules(self.rules)

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[DepsT], tool: ToolsetTool[DepsT]
    ) -> Any:
        """Asks, locks, runs, releases."""
        result = await run(
            self.mesh,
            self._compiled.of(name),
            ToolCall(name=name, arguments=tool_args, id=ctx.tool_call_id, context=ctx),
            lambda: super(ProtoMeshToolset, self).call_tool(name, tool_args, ctx, tool),
            pauses=(ApprovalRequired, CallDeferred),
            in_thread=_may_run_in_thread(tool),
        )
        if not isinstance(result, Refusal):
            return result
        # "Denied" would be wrong for a tool that began.
        return result.text if result.code == "lease_lost" else ToolDenied(result.text)


def _may_run_in_thread(tool: ToolsetTool[Any]) -> bool:
    """Only a tool that says it is a coroutine is surely over once it was cancelled. Toolsets that hold others hand out
    tools that hide the tool behind them."""
    inner: Any = tool
    while not hasattr(inner, "is_async") and hasattr(inner, "source_tool"):
        inner = inner.source_tool
    return not getattr(inner, "is_async", False)
