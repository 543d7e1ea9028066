"""What the tools of the tests do, and how it is seen from outside."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protomesh import ProtoMesh
from protomesh._integrations.calls import current_lease

from .rigs import Rig


@dataclass
class Desk:
    """Counts who works at once."""

    at_once: int = 0
    most_at_once: int = 0
    done: int = 0
    started: int = 0
    tokens: list[int] = field(default_factory=list)

    def begin(self) -> None:
        """Somebody works."""
        self.started += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        lease = current_lease()
        if lease is not None:
            self.tokens.append(lease.fencing_token)

    def end(self) -> None:
        """It is done."""
        self.at_once -= 1
        self.done += 1


def update_tool(rig: Rig, desk: Desk, seconds: float = 0.1) -> Callable[..., Any]:
    """A tool that takes some time; a coroutine where the framework knows them."""

    async def update_async(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        try:
            await asyncio.sleep(seconds)
        finally:
            desk.end()
        return f"updated {customer_id}"

    def update_sync(customer_id: str) -> str:
        """Updates a customer."""
        desk.begin()
        try:
            time.sleep(seconds)
        finally:
            desk.end()
        return f"updated {customer_id}"

    return named("update", update_async if rig.is_async else update_sync)


def named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as a tool of another name."""
    function.__name__ = name
    return function


def either(rig: Rig, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function as a tool, and as a coroutine where the framework knows them."""
    if not rig.is_async:
        return named(name, function)

    async def run(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    run.__doc__ = function.__doc__
    run.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    run.__annotations__ = dict(function.__annotations__)
    return named(name, run)


async def waiting(mesh: ProtoMesh, resource: str) -> int:
    """How many wait."""
    return len((await mesh.locks.queue(resource)).waiting)


async def holders(mesh: ProtoMesh, resource: str) -> int:
    """How many hold it."""
    return len((await mesh.locks.queue(resource)).held_by)
