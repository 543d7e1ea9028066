"""What several tests need."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

GRANT: dict[str, Any] = {
    "lock_id": "01a1fcdff1ce71df8a6f901057ade2dd.0",
    "request_id": "01a1fcdff1ce71df8a6f901057ade2dd",
    "state": "granted",
    "namespace": "default",
    "resource": "customer/123",
    "mode": "exclusive",
    "agent_id": "a",
    "priority": 5,
    "fencing_token": 1795243897301914,
    "granted_at": "2026-11-21T06:51:37.301Z",
    "expires_at": "2026-11-21T06:52:07.301Z",
    "expires_in_ms": 30000,
    "served_ms": 0,
    "hold_ends_at": "2026-11-21T07:51:37.301Z",
    "waited_ms": 0,
    "changed_since_last_held": None,
}
QUEUED: dict[str, Any] = {
    "lock_id": GRANT["lock_id"],
    "request_id": GRANT["request_id"],
    "state": "queued",
    "namespace": "default",
    "resource": "customer/123",
    "mode": "exclusive",
    "agent_id": "a",
    "priority": 5,
    "position": 1,
    "queue_length": 1,
    "enqueued_at": "2026-11-21T06:51:37.301Z",
    "wait_ends_at": "2026-11-21T06:52:07.301Z",
    "served_ms": 0,
    "blocked_by": [],
}


def renewed(lock_id: str, expires_in_ms: int = 30000) -> dict[str, Any]:
    """The answer to a renewal."""
    return {
        "lock_id": lock_id,
        "state": "granted",
        "expires_at": "2026-11-21T06:52:07.301Z",
        "expires_in_ms": expires_in_ms,
        "served_ms": 0,
        "hold_ends_at": "2026-11-21T07:51:37.301Z",
        "waiters": {"count": 0},
    }


def new_name(kind: str = "customer") -> str:
    """A resource that no other test uses."""
    return f"{kind}/{uuid.uuid4().hex[:12]}"


def until(what: str, holds: Callable[[], Any], limit: float = 15.0) -> Any:
    """Polls until something holds, and gives it."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if value := holds():
            return value
        time.sleep(0.01)
    raise AssertionError(f"Not within {limit} s: {what}")


async def until_async(what: str, holds: Callable[[], Awaitable[Any] | Any], limit: float = 15.0) -> Any:
    """The same where others run meanwhile."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = holds()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        await asyncio.sleep(0.01)
    raise AssertionError(f"Not within {limit} s: {what}")
