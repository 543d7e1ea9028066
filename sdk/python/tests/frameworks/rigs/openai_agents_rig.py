"""The OpenAI Agents SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from agents import Agent, ModelResponse, RunConfig, Runner, Usage, function_tool
from agents.models.interface import Model
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from protomesh import ProtoMesh
from protomesh.openai_agents import protect

from . import Rig, Script, Told

QUIET = RunConfig(tracing_disabled=True)


class ScriptedModel(Model):
    """Says what the script says."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.read: list[str] = []

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> ModelResponse:
        self.read = read_by(input)
        step = self._script(self.read)
        output: list[Any] = []
        if isinstance(step, str):
            text = ResponseOutputText(type="output_text", text=step, annotations=[])
            output.append(
                ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
            )
        else:
            for number, (name, arguments) in enumerate(step):
                call_id = f"call-{len(self.read)}-{number}"
                output.append(
                    ResponseFunctionToolCall(
                        id=call_id,
                        type="function_call",
                        call_id=call_id,
                        name=name,
                        arguments=arguments if isinstance(arguments, str) else json.dumps(arguments),
                    )
                )
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def read_by(items: Any) -> list[str]:
    """The outputs of tools."""
    if isinstance(items, str):
        return []
    return [str(item["output"]) for item in items if item.get("type") == "function_call_output"]


class AgentsRig:
    """Runner.run with protected function tools."""

    name = "openai_agents"
    is_main = True
    is_async = True
    can_cancel = True
    is_parallel = True

    async def run(
        self, mesh: ProtoMesh, rules: Mapping[str, Any], functions: Sequence[Callable[..., Any]], script: Script
    ) -> Told:
        tools = [function_tool(function) for function in functions]
        model = ScriptedModel(script)
        agent = Agent(
            name="agent",
            model=model,
            tools=[protect(tool, mesh, rules[tool.name]) if tool.name in rules else tool for tool in tools],
        )
        result = await Runner.run(agent, "go", run_config=QUIET)
        return Told(read=model.read, answer=str(result.final_output))


def model_of(script: Script) -> ScriptedModel:
    """For a snippet."""
    return ScriptedModel(script)


RIGS: dict[str, Rig] = {"openai_agents": AgentsRig()}
