"""What the service answers about locks, resources and fences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from .base import Answer, answer
from .blockers import Blocker
from .policies import PolicyDecision, PolicyStamp
from .problems import Problem


@answer
class LockedResource(Answer):
    """One of several resources that are locked together."""

    resource: str
    mode: str
    capacity: int | None = None
    units: int | None = None


@answer
class PreviousHold(Answer):
    """How the hold before this one ended. After ``expired`` its work may be half written."""

    agent_id: str
    ended: str
    ended_at: datetime
    note: str | None = None


@answer
class Waiters(Answer):
    """Who waits for a lease's resource."""

    count: int
    top_priority: int | None = None


@answer
class GrantedLock(Answer):
    """A live lease, as only its owner sees it. Times that only the grant itself told are None after an attach."""

    lock_id: str
    request_id: str
    namespace: str
    agent_id: str
    # Not in the repr, which ends in logs: whoever has the token can release the lease.
    fencing_token: int = field(repr=False)
    expires_at: datetime
    expires_in_ms: int
    served_ms: int
    hold_ends_at: datetime
    state: str = "granted"
    resource: str | None = None
    resources: tuple[LockedResource, ...] | None = None
    mode: str | None = None
    capacity: int | None = None
    units: int | None = None
    session_id: str | None = None
    action: str | None = None
    decision: PolicyStamp | None = None
    priority: int | None = None
    granted_at: datetime | None = None
    waited_ms: int | None = None
    changed_since_last_held: bool | None = None
    previous: PreviousHold | None = None


@answer
class QueuedLock(Answer):
    """A request that waits."""

    lock_id: str
    request_id: str
    namespace: str
    agent_id: str
    priority: int
    position: int
    queue_length: int
    enqueued_at: datetime
    wait_ends_at: datetime
    served_ms: int
    blocked_by: tuple[Blocker, ...]
    state: str = "queued"
    resource: str | None = None
    resources: tuple[LockedResource, ...] | None = None
    mode: str | None = None
    capacity: int | None = None
    units: int | None = None
    session_id: str | None = None
    action: str | None = None
    decision: PolicyStamp | None = None
    call_again_within_ms: int | None = None
    expected_wait_ms: int | None = None


@answer
class ObservedLock(Answer):
    """A request in any state, as anyone may see it; never with a token."""

    lock_id: str
    state: str
    namespace: str
    resource: str | None = None
    resources: tuple[LockedResource, ...] | None = None
    mode: str | None = None
    capacity: int | None = None
    units: int | None = None
    agent_id: str | None = None
    action: str | None = None
    decision: PolicyStamp | None = None
    priority: int | None = None
    reason: str | None = None
    progress: str | None = None
    labels: Mapping[str, str] | None = None
    enqueued_at: datetime | None = None
    waited_ms: int | None = None
    wait_ends_at: datetime | None = None
    position: int | None = None
    queue_length: int | None = None
    blocked_by: tuple[Blocker, ...] | None = None
    granted_at: datetime | None = None
    held_ms: int | None = None
    expires_at: datetime | None = None
    expires_in_ms: int | None = None
    hold_ends_at: datetime | None = None
    ended_at: datetime | None = None
    ended_because: str | None = None


@answer
class RenewedLock(Answer):
    """A lease that lives on."""

    lock_id: str
    expires_at: datetime
    expires_in_ms: int
    served_ms: int
    hold_ends_at: datetime
    waiters: Waiters
    state: str = "granted"


@answer
class RenewResult(Answer):
    """One of several leases that were renewed together: as in a RenewedLock, or the problem."""

    lock_id: str
    state: str | None = None
    expires_at: datetime | None = None
    expires_in_ms: int | None = None
    served_ms: int | None = None
    hold_ends_at: datetime | None = None
    waiters: Waiters | None = None
    problem: Problem | None = None


@answer
class RenewResults(Answer):
    """One result for each lease, in the order of the call."""

    results: tuple[RenewResult, ...]


@answer
class ReleasedLock(Answer):
    """A request that is over."""

    lock_id: str
    state: str


@answer
class DryRunVerdict(Answer):
    """What would become of a request now."""

    granted_now: bool
    queue_length: int
    blocked_by: tuple[Blocker, ...]
    position: int | None = None
    expected_wait_ms: int | None = None
    decision: PolicyDecision | None = None


@answer
class ForceReleasedHold(Answer):
    """Whose lease was ended."""

    lock_id: str
    agent_id: str
    held_ms: int


@answer
class ForceReleased(Answer):
    """Who was cut off, and when the resource will be granted again."""

    namespace: str
    resource: str
    released: tuple[ForceReleasedHold, ...]
    grantable_at: datetime
    grantable_in_ms: int
    queue_length: int


@answer
class FenceVerdict(Answer):
    """Whether a token is a live lease's of the resource."""

    valid: bool
    reason: str


@answer
class LockPage(Answer):
    """Some of the live requests."""

    locks: tuple[ObservedLock, ...]
    next_page_token: str | None = None


@answer
class ResourceSummary(Answer):
    """A resource that is held or waited for."""

    resource: str
    held_by: tuple[Blocker, ...]
    queue_length: int
    namespace: str
    longest_wait_ms: int | None = None
    top_priority: int | None = None
    mode: str | None = None
    capacity: int | None = None
    units_in_use: int | None = None
    grantable_in_ms: int | None = None


@answer
class ResourcePage(Answer):
    """Some of the resources."""

    resources: tuple[ResourceSummary, ...]
    next_page_token: str | None = None


@answer
class QueuePage(Answer):
    """Who holds a resource and who waits for it, the next first."""

    namespace: str
    resource: str
    held_by: tuple[Blocker, ...]
    queue_length: int
    waiting: tuple[ObservedLock, ...]
    grantable_in_ms: int | None = None
    next_page_token: str | None = None


@answer
class ExplainedWaiter(Answer):
    """A request that is ahead."""

    lock_id: str
    agent_id: str
    priority: int
    waited_ms: int
    head_start_ms: int
    score: int


@answer
class ExplainedSelf(Answer):
    """The request that was asked about."""

    priority: int
    waited_ms: int
    head_start_ms: int
    score: int


@answer
class Remedy(Answer):
    """What would help."""

    action: str
    sentence: str


@answer
class Explanation(Answer):
    """Why a request waits. ``self`` is the request that was asked about."""

    lock_id: str
    state: str
    sentences: tuple[str, ...]
    blocked_by: tuple[Blocker, ...]
    ahead: tuple[ExplainedWaiter, ...]
    would_help: tuple[Remedy, ...]
    position: int | None = None
    self: ExplainedSelf | None = None
    expected_wait_ms: int | None = None
