"""What the service answers about approvals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .base import Answer, answer
from .policies import PolicyReference


@answer
class ApprovalRule(Answer):
    """A rule that asked for it, where it stands, and what it says."""

    rule: str
    at: str
    message: str


@answer
class ApprovalVote(Answer):
    """What one approver said."""

    approver: str
    vote: str
    at: datetime
    comment: str | None = None


@answer
class Approval(Answer):
    """A question to a group of people, and what became of it. An approved one is good for one use until ``valid_until``."""

    approval_id: str
    namespace: str
    state: str
    agent_id: str
    action: str
    group: str
    quorum: int
    requested_at: datetime
    expires_at: datetime
    expires_in_ms: int | None = None
    resource: str | None = None
    resources: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] | None = None
    run_id: str | None = None
    reason: str | None = None
    rules: tuple[ApprovalRule, ...] = ()
    policy: PolicyReference | None = None
    votes: tuple[ApprovalVote, ...] = ()
    digest: str | None = None
    edited: bool | None = None
    decided_at: datetime | None = None
    valid_until: datetime | None = None
    consumed_at: datetime | None = None
    consumed_by: str | None = None
    ended_by: str | None = None
    waits_behind: int | None = None


@answer
class ApprovalPage(Answer):
    """Some of the approvals, the newest first."""

    approvals: tuple[Approval, ...]
    next_page_token: str | None = None


@answer
class StandingGrant(Answer):
    """A standing yes for an action, for a time and a number of uses."""

    grant_id: str
    namespace: str
    state: str
    group: str
    action: str
    uses: int
    used: int
    by: str
    agent_id: str | None = None
    resource: str | None = None
    condition: str | None = None
    comment: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    expires_in_ms: int | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


@answer
class StandingGrantPage(Answer):
    """Some of the standing grants."""

    grants: tuple[StandingGrant, ...]
    next_page_token: str | None = None
