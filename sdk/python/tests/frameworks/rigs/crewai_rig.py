"""CrewAI, with a model that calls functions and with one that writes "Action:"."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Nothing is to be reported or stored by a test. Read when crewai is imported.
os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false", CREWAI_TESTING="true"
)
os.environ.setdefault("CREWAI_STORAGE_DIR", tempfile.mkdtemp(prefix="protomesh-crewai-"))

from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import BaseTool, tool
from pydantic import Field

from protomesh import ProtoMesh
from protomesh.crewai import protect, run_scope

from . import Rig, Script, Told

_OBSERVED = re.compile(r"Observation: (.*?)(?=\n\n|\Z)", re.DOTALL)


class ScriptedLLM(BaseLLM):
    """Says what the script says."""

    script: Any = None
    calls_functions: bool = True
    read: list[str] = Field(default_factory=list)

    def supports_function_calling(self) -> bool:
        return self.calls_functions

    def call(self, messages: Any, tools: Any = None, *_: Any, **__: Any) -> Any:
        self.read = self._read_by(messages)
        step = self.script(self.read)
        if isinstance(step, str):
            return step if self.calls_functions else f"Thought: I know.\nFinal Answer: {step}"
        if self.calls_functions:
            return [
                {
                    "id": f"call-{len(self.read)}-{number}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)},
                }
                for number, (name, arguments) in enumerate(step)
            ]
        ((name, arguments),) = step
        return f"Thought: I do it.\nAction: {name}\nAction Input: {json.dumps(arguments)}\n"

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def _read_by(self, messages: Any) -> list[str]:
        if isinstance(messages, str):
            return []
        if self.calls_functions:
            return [str(message["content"]) for message in messages if message["role"] == "tool"]
        said = [str(message["content"]) for message in messages if message["role"] == "assistant"]
        return [found.strip() for text in said for found in _OBSERVED.findall(text)]


def tool_of(function: Callable[..., Any]) -> BaseTool:
    """A tool of CrewAI."""
    return tool(function.__name__)(function)


def crew_of(tools: Sequence[BaseTool], llm: ScriptedLLM, crew: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """One agent with one task; ``options`` are the agent's."""
    agent = Agent(role="worker", goal="work", backstory="works", llm=llm, tools=list(tools), **options)
    task = Task(description="Go.", expected_output="An answer.", agent=agent)
    return Crew(agents=[agent], tasks=[task], **(crew or {}))


class CrewRig:
    """akickoff within a run_scope."""

    is_async = False
    can_cancel = True

    def __init__(self, name: str, calls_functions: bool) -> None:
        self.name = name
        self.is_main = calls_functions
        self.is_parallel = calls_functions

    async def run(
        self, mesh: ProtoMesh, rules: Mapping[str, Any], functions: Sequence[Callable[..., Any]], script: Script
    ) -> Told:
        tools = [tool_of(function) for function in functions]
        llm = ScriptedLLM(model="scripted", script=script, calls_functions=self.is_parallel)
        crew = crew_of([protect(one, mesh, rules[one.name]) if one.name in rules else one for one in tools], llm)
        async with run_scope():
            output = await crew.akickoff()
        return Told(read=llm.read, answer=output.raw)


def model_of(script: Script) -> ScriptedLLM:
    """For a snippet."""
    return ScriptedLLM(model="scripted", script=script)


RIGS: dict[str, Rig] = {"crewai": CrewRig("crewai", True), "crewai_react": CrewRig("crewai_react", False)}
