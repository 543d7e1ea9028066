"""How the service does."""

from __future__ import annotations

from .base import Answer, answer


@answer
class HealthPart(Answer):
    """One thing that the service stands on: ``ok``, or a sentence that says what is wrong."""

    kind: str
    state: str
    partitions: int | None = None
    journal_lag_events: int | None = None
    journal_lag_ms: int | None = None


@answer
class HealthPolicy(Answer):
    """What the replica decides by in the namespace ``default``, or in that of the caller's key."""

    state: str
    name: str | None = None
    version: int | None = None
    revision: int | None = None


@answer
class HealthKeys(Answer):
    """The keys as the replica sees them."""

    refused_calls: int
    known: int | None = None


@answer
class HealthReport(Answer):
    """``healthy`` or ``unhealthy``, and why."""

    status: str
    version: str
    store: HealthPart
    database: HealthPart
    policy: HealthPolicy | None = None
    access: str | None = None
    auth: str | None = None
    keys: HealthKeys | None = None
