"""The Python client of ProtoMesh: leases, queues and policies for AI agents.

from protomesh import ProtoMesh

async with ProtoMesh() as mesh, mesh.lock("customer/123", wait=30) as lease:
    await save(customer, fencing_token=lease.fencing_token)
"""

from typing import TYPE_CHECKING, Any

from ._answers.blockers import Blocker
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
from ._requests import GuardOptions, LeaseOptions, Resource
from ._ticket import Ticket
from ._version import __version__

if TYPE_CHECKING:
    from ._sync.client import SyncProtoMesh
    from ._sync.guard import SyncGuard
    from ._sync.lease import SyncLease

__all__ = [
    "ApprovalRequiredError",
    "Blocker",
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
    "Lease",
    "LeaseLostError",
    "LeaseOptions",
    "LoadedPolicy",
    "LockConflictError",
    "LockEndedError",
    "LockHeldError",
    "LockObligation",
    "LockTimeoutError",
    "LockedResource",
    "MeshError",
    "MeshEvent",
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
    "Resource",
    "ResourceSummary",
    "ServiceFailedError",
    "SyncGuard",
    "SyncLease",
    "SyncProtoMesh",
    "Ticket",
    "UnauthorizedError",
    "UnavailableError",
    "ValidationError",
    "Waiters",
    "__version__",
]

_SYNC = {"SyncProtoMesh": "client", "SyncGuard": "guard", "SyncLease": "lease"}


def __getattr__(name: str) -> Any:
    # The synchronous client is loaded when it is first asked for: most programs use one of the two.
    if name not in _SYNC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"._sync.{_SYNC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
