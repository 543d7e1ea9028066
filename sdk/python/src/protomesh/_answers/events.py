"""What happened, as the service tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .base import Answer, answer


@answer
class MeshEvent(Answer):
    """Something that happened. ``id`` rises in the order in which the journal committed it."""

    id: int
    type: str
    at: datetime
    namespace: str
    resource: str | None = None
    lock_id: str | None = None
    agent_id: str | None = None
    cause: str | None = None
    data: Mapping[str, Any] | None = None


@answer
class EventPage(Answer):
    """Some of the events."""

    events: tuple[MeshEvent, ...]
    next_page_token: str | None = None
