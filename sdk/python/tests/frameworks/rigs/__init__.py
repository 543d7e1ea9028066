"""One way to run an agent of any framework, with a model that follows a script."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from protomesh import ProtoMesh

#: What the model does next, by the results of tools that it has read: calls, all at once, or its answer.
Calls = list[tuple[str, dict[str, Any]]]
Script = Callable[[list[str]], Calls | str]


@dataclass(frozen=True)
class Told:
    """What came of a run."""

    read: list[str]
    answer: str


class Rig(Protocol):
    """An agent framework."""

    name: str
    #: Its framework's usual form; tests that start processes run on this one alone.
    is_main: bool
    #: Tools may be coroutines that the framework awaits on the caller's loop.
    is_async: bool
    #: A run can be cancelled.
    can_cancel: bool
    #: The model may ask for several calls at once.
    is_parallel: bool

    async def run(
        self, mesh: ProtoMesh, rules: Mapping[str, Any], functions: Sequence[Callable[..., Any]], script: Script
    ) -> Told:
        """Builds an agent with the functions as tools, those with a rule protected, and runs it to its answer."""
        ...


_MODULES = {
    "langgraph": "langgraph_rig",
    "langgraph_sync": "langgraph_rig",
    "toolnode": "langgraph_rig",
    "openai_agents": "openai_agents_rig",
    "pydantic_ai": "pydantic_ai_rig",
    "crewai": "crewai_rig",
    "crewai_react": "crewai_rig",
}


def rig(name: str) -> Rig:
    """By its name."""
    made: Rig = _module(name).RIGS[name]
    return made


def model(name: str, script: Script) -> Any:
    """The framework's own kind of model, which says what the script says."""
    return _module(name).model_of(script)


def _module(name: str) -> Any:
    # Not all frameworks are installed in one environment.
    return importlib.import_module(f"frameworks.rigs.{_MODULES[name]}")


def names() -> list[str]:
    """The rigs of the frameworks that are to be tested here. Said from outside, so that none is left out by mistake."""
    return os.environ["PROTOMESH_FRAMEWORKS"].split(",")


def follow(*steps: Calls | str) -> Script:
    """A model that reads nothing: one step after the other."""
    left = list(steps)

    def script(read: list[str]) -> Calls | str:
        return left.pop(0)

    return script
