"""Pydantic AI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset

from protomesh import ProtoMesh
from protomesh.pydantic_ai import ProtoMeshToolset

from . import Rig, Script, Told


def scripted(script: Script, seen: list[ToolReturnPart] | None = None) -> FunctionModel:
    """Says what the script says."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        parts = returns_in(messages)
        if seen is not None:
            seen[:] = parts
        read = [str(part.content) for part in parts]
        step = script(read)
        if isinstance(step, str):
            return ModelResponse(parts=[TextPart(step)])
        return ModelResponse(
            parts=[
                ToolCallPart(name, arguments, tool_call_id=f"call-{len(read)}-{number}")
                for number, (name, arguments) in enumerate(step)
            ]
        )

    return FunctionModel(answer)


def returns_in(messages: Sequence[ModelMessage]) -> list[ToolReturnPart]:
    """The results of tools."""
    return [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]


class PydanticRig:
    """An agent with a protected toolset."""

    name = "pydantic_ai"
    is_main = True
    is_async = True
    can_cancel = True
    is_parallel = True

    async def run(
        self, mesh: ProtoMesh, rules: Mapping[str, Any], functions: Sequence[Callable[..., Any]], script: Script
    ) -> Told:
        seen: list[ToolReturnPart] = []
        toolset: Any = ProtoMeshToolset(FunctionToolset(list(functions)), mesh, rules)
        agent = Agent(scripted(script, seen), toolsets=[toolset])
        result = await agent.run("go")
        return Told(read=[str(part.content) for part in seen], answer=str(result.output))


def model_of(script: Script) -> FunctionModel:
    """For a snippet."""
    return scripted(script)


RIGS: dict[str, Rig] = {"pydantic_ai": PydanticRig()}
