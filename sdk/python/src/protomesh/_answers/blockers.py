"""Who is in the way."""

from __future__ import annotations

from .base import Answer, answer


@answer
class Blocker(Answer):
    """Who holds what somebody else wants."""

    lock_id: str
    agent_id: str
    mode: str
    held_ms: int
    expires_in_ms: int
    reason: str | None = None
    progress: str | None = None
