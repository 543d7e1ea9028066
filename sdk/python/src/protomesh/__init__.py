"""The Python client of ProtoMesh: leases, queues and policies for AI agents.

from protomesh import ProtoMesh

async with ProtoMesh() as mesh, mesh.lock("customer/123", wait=30) as lease:
    await save(customer, fencing_token=lease.fencing_token)
"""

from typing import TYPE_CHECKING, Any

from ._answers.blockers import Blocker
from ._answers.budgets import BudgetLine, BudgetObligation
from ._answers.events import MeshEvent
from ._answers.health import HealthKeys, HealthPart, HealthPolicy, HealthReport
from ._answers.locks import (
    DryRunVerdict,
    ExplainedSelf,
    ExplainedWaiter,
    Explanation,
    FenceVerdict,
    ForceReleased,
    ForceReleasedHold,
    GrantedLock,
    LockedResource,
    ObservedLock,
    PreviousHold,
    QueuedLock,
    QueuePage,
    ReleasedLock,
    Remedy,
    ResourceSummary,
    Waiters,
)
from ._answers.policies import (
    ApprovalObligation,
    LoadedPolicy,
    LockObligation,
    PolicyActivation,
    PolicyApproval,
    PolicyDecision,
    PolicyDiff,
    PolicyObligations,
    PolicyPage,
    PolicyReason,
    PolicyReference,
    PolicyRemark,
    PolicyRuleChanges,
    PolicyStamp,
    PolicySummary,
    PolicyTestSummary,
    PolicyValidation,
    PolicyVersion,
    RateObligation,
    RecordedDecision,
)
from ._answers.problems import FieldError, Problem
from ._answers.results import PolicyResult
from ._async.client import ProtoMesh
from ._async.guard import Guard
from ._async.lease import Lease
from ._checks import PolicyCheck
from ._denial import Denial
from ._errors import (
    ApprovalRequiredError,
    BudgetExceededError,
    ConflictError,
    LeaseLostError,
    LockConflictError,
    LockEndedError,
    LockHeldError,
    LockTimeoutError,
    MeshError,
    NotFoundError,
    PolicyDeniedError,
    ProtocolError,
    QueueFullError,
    RateLimitedError,
    ServiceFailedError,
    UnauthorizedError,
    UnavailableError,
    ValidationError,
)
from ._requests import GuardOptions, LeaseOptions, Resource, TokenUsage
from ._ticket import Ticket
from ._version import __version__

if TYPE_CHECKING:
    from ._answers.approvals import Approval, ApprovalRule, ApprovalVote, StandingGrant
    from ._answers.keys import ApiKey, IssuedKey
    from ._answers.ledger import (
        Budget,
        BudgetPage,
        BudgetPolicy,
        BudgetUsage,
        BudgetWindow,
        LedgerEntry,
        ModelPrice,
        PriceList,
        Reservation,
    )
    from ._sync.client import SyncProtoMesh
    from ._sync.guard import SyncGuard
    from ._sync.lease import SyncLease

__all__ = [
    "ApiKey",
    "Approval",
    "ApprovalObligation",
    "ApprovalRequiredError",
    "ApprovalRule",
    "ApprovalVote",
    "Blocker",
    "Budget",
    "BudgetExceededError",
    "BudgetLine",
    "BudgetObligation",
    "BudgetPage",
    "BudgetPolicy",
    "BudgetUsage",
    "BudgetWindow",
    "ConflictError",
    "Denial",
    "DryRunVerdict",
    "ExplainedSelf",
    "ExplainedWaiter",
    "Explanation",
    "FenceVerdict",
    "FieldError",
    "ForceReleased",
    "ForceReleasedHold",
    "GrantedLock",
    "Guard",
    "GuardOptions",
    "HealthKeys",
    "HealthPart",
    "HealthPolicy",
    "HealthReport",
    "IssuedKey",
    "Lease",
    "LeaseLostError",
    "LeaseOptions",
    "LedgerEntry",
    "LoadedPolicy",
    "LockConflictError",
    "LockEndedError",
    "LockHeldError",
    "LockObligation",
    "LockTimeoutError",
    "LockedResource",
    "MeshError",
    "MeshEvent",
    "ModelPrice",
    "NotFoundError",
    "ObservedLock",
    "PolicyActivation",
    "PolicyApproval",
    "PolicyCheck",
    "PolicyDecision",
    "PolicyDeniedError",
    "PolicyDiff",
    "PolicyObligations",
    "PolicyPage",
    "PolicyReason",
    "PolicyReference",
    "PolicyRemark",
    "PolicyResult",
    "PolicyRuleChanges",
    "PolicyStamp",
    "PolicySummary",
    "PolicyTestSummary",
    "PolicyValidation",
    "PolicyVersion",
    "PreviousHold",
    "PriceList",
    "Problem",
    "ProtoMesh",
    "ProtocolError",
    "QueueFullError",
    "QueuePage",
    "QueuedLock",
    "RateLimitedError",
    "RateObligation",
    "RecordedDecision",
    "ReleasedLock",
    "Remedy",
    "Reservation",
    "Resource",
    "ResourceSummary",
    "ServiceFailedError",
    "StandingGrant",
    "SyncGuard",
    "SyncLease",
    "SyncProtoMesh",
    "Ticket",
    "TokenUsage",
    "UnauthorizedError",
    "UnavailableError",
    "ValidationError",
    "Waiters",
    "__version__",
]

# Loaded when it is first asked for: most programs use one of the two clients, and few look at all that there is.
_LATER = {
    **dict.fromkeys(("Approval", "ApprovalRule", "ApprovalVote", "StandingGrant"), "_answers.approvals"),
    **dict.fromkeys(("ApiKey", "IssuedKey"), "_answers.keys"),
    **dict.fromkeys(
        (
            "Budget",
            "BudgetPage",
            "BudgetPolicy",
            "BudgetUsage",
            "BudgetWindow",
            "LedgerEntry",
            "ModelPrice",
            "PriceList",
            "Reservation",
        ),
        "_answers.ledger",
    ),
    "SyncProtoMesh": "_sync.client",
    "SyncGuard": "_sync.guard",
    "SyncLease": "_sync.lease",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
