"""Tasks that are stopped from outside."""

from __future__ import annotations

import asyncio
from typing import Any


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancels a task and waits for its end, also when the caller is cancelled (again) meanwhile: what it holds is given
    back within a bounded time."""
    task.cancel()
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
