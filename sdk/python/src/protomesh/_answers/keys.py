"""What the service answers about keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from .base import Answer, answer


@answer
class ApiKey(Answer):
    """A key without its secret, which is kept nowhere."""

    key_id: str
    state: str
    role: str
    scopes: tuple[str, ...]
    namespace: str
    created_at: datetime
    created_by: str
    name: str | None = None
    comment: str | None = None
    agent_id: str | None = None
    agent_prefix: str | None = None
    team: str | None = None
    labels: Mapping[str, str] | None = None
    groups: tuple[str, ...] | None = None
    max_priority: int | None = None
    max_ttl_ms: int | None = None
    expires_at: datetime | None = None
    rotated_at: datetime | None = None
    previous_until: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


@answer
class IssuedKey(Answer):
    """A key that was made or rotated: the only time that its text is shown."""

    # Not in the repr, which ends in logs.
    key: str = field(repr=False)
    details: ApiKey


@answer
class ApiKeyPage(Answer):
    """Some of the keys, in the order of their ids."""

    keys: tuple[ApiKey, ...]
    next_page_token: str | None = None
