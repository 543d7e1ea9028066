"""What the service answers about policies and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .base import Answer, answer
from .budgets import BudgetObligation


@answer
class PolicyReference(Answer):
    """A version of a policy document."""

    name: str
    version: int
    sha256: str


@answer
class PolicyReason(Answer):
    """Why a rule spoke against an action; each of ``to_change`` has to hold to silence it."""

    rule: str
    code: str
    effect: str
    message: str
    at: str
    values: Mapping[str, Any] | None = None
    to_change: tuple[str, ...] | None = None
    retry_after_ms: int | None = None


@answer
class LockObligation(Answer):
    """A live lease of the caller on the resource."""

    lock_id: str | None = None
    expires_in_ms: int | None = None


@answer
class RateObligation(Answer):
    """A place in a rate."""

    rule: str
    remaining: int
    resets_in_ms: int


@answer
class ApprovalObligation(Answer):
    """A yes that was used: an approval, or one use of a standing grant."""

    approval_id: str | None = None
    grant_id: str | None = None
    by: tuple[str, ...] = ()
    uses_left: int | None = None


@answer
class PolicyObligations(Answer):
    """What an allow stands on."""

    lock: LockObligation | None = None
    rate: tuple[RateObligation, ...] | None = None
    budget: tuple[BudgetObligation, ...] | None = None
    approval: ApprovalObligation | None = None


@answer
class PolicyStamp(Answer):
    """Which decision allowed something, and what it took for it."""

    decision_id: str
    policy: PolicyReference
    obligations: PolicyObligations | None = None


@answer
class PolicyApproval(Answer):
    """Who has to say yes, and how far that is. Nobody was asked by a dry run, so there it has no ``approval_id``."""

    group: str
    quorum: int
    expires_in_ms: int
    approval_id: str | None = None
    state: str | None = None
    expires_at: datetime | None = None


@answer
class PolicyDecision(Answer):
    """What the policy says to an action. A deny is an answer, not an error."""

    decision_id: str
    decision: str
    allowed: bool
    reason: str
    policy: PolicyReference
    reasons: tuple[PolicyReason, ...]
    facts: Mapping[str, str]
    audit_only: tuple[PolicyReason, ...]
    obligations: PolicyObligations | None = None
    approval: PolicyApproval | None = None
    valid_until: datetime | None = None
    dry_run: bool | None = None


@answer
class RecordedDecision(Answer):
    """A decision as it was written down. Inputs, facts, reasons and obligations are None in lists."""

    decision_id: str
    at: datetime
    namespace: str
    agent_id: str
    action: str
    policy: PolicyReference
    decision: str
    would: str
    dry_run: bool
    rules: tuple[str, ...]
    latency_us: int
    resource: str | None = None
    inputs: Any = None
    facts: Mapping[str, str] | None = None
    reasons: tuple[PolicyReason, ...] | None = None
    audit_only: tuple[PolicyReason, ...] | None = None
    obligations: PolicyObligations | None = None


@answer
class DecisionPage(Answer):
    """Some of the decisions, the newest first."""

    decisions: tuple[RecordedDecision, ...]
    dropped: int
    next_page_token: str | None = None


@answer
class PolicyRemark(Answer):
    """Something about a document that is worth a look."""

    line: int
    column: int
    message: str


@answer
class PolicyTestSummary(Answer):
    """How the document's own tests went."""

    passed: int
    never_held: tuple[str, ...]
    always_held: tuple[str, ...]


@answer
class PolicyValidation(Answer):
    """A document that could be used."""

    valid: bool
    name: str
    sha256: str
    rules: int
    warnings: tuple[PolicyRemark, ...]
    tests: PolicyTestSummary


@answer
class PolicyVersion(Answer):
    """A version of a policy, which never changes. ``document`` is None in lists."""

    namespace: str
    name: str
    version: int
    sha256: str
    active: bool
    author: str | None = None
    comment: str | None = None
    created_at: datetime | None = None
    document: str | None = None


@answer
class PolicyVersionPage(Answer):
    """Some of the versions, the newest first."""

    versions: tuple[PolicyVersion, ...]
    next_page_token: str | None = None


@answer
class PolicyActivation(Answer):
    """Which version decides in a namespace, from which revision on."""

    namespace: str
    name: str
    version: int
    sha256: str
    revision: int
    by: str | None = None
    at: datetime | None = None


@answer
class LoadedPolicy(Answer):
    """What the replica that answered decides by."""

    name: str
    version: int
    revision: int
    problem: str | None = None


@answer
class PolicySummary(Answer):
    """A policy of the namespace."""

    name: str
    newest_version: int


@answer
class PolicyPage(Answer):
    """The policies of a namespace; ``active.revision`` is what an activation names in ``if_match``."""

    namespace: str
    active: PolicyActivation
    loaded: LoadedPolicy
    policies: tuple[PolicySummary, ...]
    next_page_token: str | None = None


@answer
class PolicyRuleChanges(Answer):
    """Ids of rules."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@answer
class PolicyDiff(Answer):
    """What changed between two versions. ``from`` is a word of Python, hence ``from_``."""

    namespace: str
    name: str
    from_: int
    to: int
    rules: PolicyRuleChanges
    text: str
