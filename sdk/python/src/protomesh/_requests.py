"""What is sent: the options of a request for a lease, and its JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from time import time_ns
from typing import Any, TypedDict, cast

from ._problems import invalid
from ._settings import Settings


@dataclass(frozen=True, slots=True)
class Resource:
    """One of several resources to lock together, where it has a mode of its own."""

    resource: str
    mode: str | None = None
    capacity: int | None = None
    units: int | None = None


#: A name, or several: names, Resource, or mappings with the same fields.
ResourceArgument = str | Sequence[str | Resource | Mapping[str, Any]]


class TokenUsage(TypedDict, total=False):
    """What a model was given and gave, which the service prices."""

    model: str
    """Its name in the price table."""
    input_tokens: int
    """Read, without those of a cache."""
    cached_input_tokens: int
    """Read from a cache."""
    cache_write_tokens: int
    """Written into a cache."""
    output_tokens: int
    """Written."""
    batch: bool
    """At the price of a batch."""


class GuardOptions(TypedDict, total=False):
    """What a guard asks for of its lease. What is left out is the service's default. Times are seconds."""

    priority: int | None
    """0-9, higher is sooner; 5."""
    wait: float | None
    """How long to wait in the queue, 0 to 24 h; 30 s. Zero only tries."""
    ttl: float | None
    """How long the lease outlives its last renewal, 1 s to the service's limit (5 min); 30 s."""
    max_hold: float | None
    """When the lease ends however often it is renewed, up to 24 h; 1 h."""
    drain: float | None
    """How long the resource rests after this lease expires, up to 10 min; 0."""
    mode: str | None
    """exclusive, shared or slots; exclusive."""
    capacity: int | None
    """Slots that the resource has, 1-10,000. Only with mode slots."""
    units: int | None
    """Slots to take, 1 to capacity; 1."""
    reason: str | None
    """What the lease is for, up to 500 bytes: shown to whoever waits."""
    labels: Mapping[str, str] | None
    """Up to 16 labels, names up to 64 bytes, values up to 256."""
    reentrant: bool | None
    """True joins a live hold of the same agent and session past the queue."""
    durability: str | None
    """fast or journaled; the namespace's or stronger."""
    namespace: str | None
    """The resources' namespace; the client's."""
    agent_id: str | None
    """Who asks; the client's."""
    session_id: str | None
    """Which run of the agent asks; the client's."""
    request_id: str | None
    """8-64 of [A-Za-z0-9_-]: the same id is the same request, also from another process. By default a new UUIDv7."""
    run_id: str | None
    """Which run this belongs to, 1-128 bytes: ``run.id`` for budgets and rules. Only with an action."""
    approval_id: str | None
    """Uses what people have approved. Only with an action."""
    auto_renew: bool | None
    """False leaves renewing to Lease.renew; true."""
    on_queued: Callable[..., Any] | None
    """Called with a QueuedLock after each answer that the request still waits."""


class LeaseOptions(GuardOptions, total=False):
    """What a request for a lease asks for. What is left out is the service's default. Times are seconds."""

    action: str | None
    """What the lease is for, as the policies know it: decided before anything is enqueued."""
    metadata: Mapping[str, Any] | None
    """What this agent says of the action: at most 16 KB. Only with action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """LeaseOptions with their defaults."""

    priority: int | None = None
    wait: float = 30.0
    ttl: float | None = None
    max_hold: float | None = None
    drain: float | None = None
    mode: str | None = None
    capacity: int | None = None
    units: int | None = None
    reason: str | None = None
    labels: Mapping[str, str] | None = None
    action: str | None = None
    metadata: Mapping[str, Any] | None = None
    reentrant: bool | None = None
    durability: str | None = None
    namespace: str | None = None
    agent_id: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    run_id: str | None = None
    approval_id: str | None = None
    auto_renew: bool = True
    on_queued: Callable[..., Any] | None = None

    @classmethod
    def of(cls, options: LeaseOptions | GuardOptions) -> LeaseRequest:
        """Raises TypeError that names an option which there is not."""
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise TypeError(f"There is no option {name!r}; there are {', '.join(known)}.")
        return cls(**{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]

    def trying(self) -> LeaseRequest:
        """The same without a wait."""
        return replace(self, wait=0.0)

    def body(self, resource: ResourceArgument, settings: Settings) -> dict[str, Any]:
        """The JSON of POST /v1/locks."""
        return drop_none(
            request_id=self.request_id or new_request_id(),
            namespace=self.namespace or settings.namespace,
            resource=resource if isinstance(resource, str) else None,
            resources=None if isinstance(resource, str) else [_one(one) for one in resource],
            mode=self.mode,
            capacity=self.capacity,
            units=self.units,
            agent_id=self.agent_id or settings.agent_id,
            session_id=self.session_id or settings.session_id,
            reentrant=self.reentrant,
            priority=self.priority,
            ttl_ms=to_ms(self.ttl),
            wait_ms=to_ms(self.wait),
            max_hold_ms=to_ms(self.max_hold),
            drain_ms=to_ms(self.drain),
            durability=self.durability,
            reason=self.reason,
            labels=None if self.labels is None else dict(self.labels),
            action=self.action,
            metadata=None if self.metadata is None else dict(self.metadata),
            run_id=self.run_id,
            approval_id=self.approval_id,
        )


def new_request_id() -> str:
    """A UUIDv7: ids of one client sort by time."""
    stamp = (time_ns() // 1_000_000) & 0xFFFF_FFFF_FFFF
    noise = int.from_bytes(os.urandom(10), "big") & ((1 << 74) - 1)
    return f"{stamp << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62 | noise & ((1 << 62) - 1):032x}"


def to_ms(seconds: float | None) -> int | None:
    """Whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


def drop_none(**fields: Any) -> dict[str, Any]:
    """Without what is None: absent means the service's default."""
    return {name: value for name, value in fields.items() if value is not None}


def to_json(body: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON. Raises TypeError or ValueError for what JSON does not have; ValidationError, which is a ValueError, for
    what looks like it and cannot be written."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode()
    except UnicodeEncodeError:
        # Its own words would repeat the text, whatever stands in it.
        raise invalid("A text holds half of a surrogate pair, which is no character and cannot be sent.") from None
    except RecursionError:
        raise invalid("What is to be sent is nested too deeply.") from None


def _plain(value: Any) -> Any:
    """What agents have at hand and JSON does not know."""
    # Imported here, since few need them and an import should cost little.
    from decimal import Decimal
    from uuid import UUID

    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"{value!r} cannot be sent as JSON.")


def _one(resource: str | Resource | Mapping[str, Any]) -> str | dict[str, Any]:
    if isinstance(resource, str):
        return resource
    if isinstance(resource, Resource):
        return drop_none(
            resource=resource.resource, mode=resource.mode, capacity=resource.capacity, units=resource.units
        )
    return cast("dict[str, Any]", dict(resource))
