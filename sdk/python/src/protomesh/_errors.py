"""What is raised: one class for each kind of refusal, all of them MeshError."""

from __future__ import annotations

from typing import Any

from ._answers.policies import PolicyDecision
from ._answers.problems import Problem


class MeshError(Exception):
    """The service said no, or could not be reached. Decide by the class or by ``code``."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        #: Everything that the service said.
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable code, such as ``lock_held``."""
        return self.problem.code

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        return self.problem.detail or self.problem.title

    @property
    def title(self) -> str:
        """What is wrong, in the words that every problem of this code has."""
        return self.problem.title

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def next_step(self) -> str | None:
        """What can be done now."""
        return self.problem.next_step

    @property
    def retryable(self) -> bool:
        """True when the same request may succeed later."""
        return self.problem.retryable

    @property
    def retry_after_ms(self) -> int | None:
        """When a retry makes sense, if the service said so."""
        return self.problem.retry_after_ms

    @property
    def trace_id(self) -> str | None:
        """Finds the request in the service's log."""
        return self.problem.trace_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problem,)


class LockHeldError(MeshError):
    """The wait was zero and somebody holds the resource or waits for it."""


class LockTimeoutError(MeshError, TimeoutError):
    """The resource could not be had within the wait."""


class LockEndedError(MeshError):
    """The request has ended; a new one needs a new request_id."""


class LeaseLostError(MeshError):
    """The lease is no longer this agent's: what was written since may have been refused."""


class LockConflictError(MeshError):
    """Another request is in the way of this one: its token, its mode, its id or its state."""


class NotFoundError(MeshError):
    """There is no such request, policy, decision, key, budget, reservation, approval or call."""


class BudgetExceededError(MeshError):
    """It does not fit into what is left of a budget; ``problem.budgets`` has the counters."""


class ConflictError(MeshError):
    """A reservation or an approval is in another state than this needs."""


class QueueFullError(MeshError):
    """Too many wait for the resource already."""


class PolicyDeniedError(MeshError, PermissionError):
    """A policy forbids it."""

    @property
    def decision(self) -> PolicyDecision | None:
        """Why, and what would change it."""
        return self.problem.decision


class ApprovalRequiredError(PolicyDeniedError):
    """A person has to approve it first."""


class ValidationError(MeshError, ValueError):
    """The request breaks a rule; ``problem.errors`` has the fields."""


class UnavailableError(MeshError, ConnectionError):
    """The service could not be reached, or cannot serve now."""


class ServiceFailedError(MeshError):
    """A fault of the service; its log has the trace_id."""


class UnauthorizedError(MeshError):
    """The key is missing, wrong, or may not do this; or whoever decides is no approver of this."""


class RateLimitedError(MeshError):
    """Too many calls."""


class ProtocolError(MeshError):
    """What answered is no ProtoMesh service, or one of another version."""


_BY_CODE: dict[str, type[MeshError]] = {
    "lock_held": LockHeldError,
    "lock_timeout": LockTimeoutError,
    "lock_ended": LockEndedError,
    "lease_lost": LeaseLostError,
    **dict.fromkeys(("token_mismatch", "mode_conflict", "request_id_conflict", "not_waiting"), LockConflictError),
    **dict.fromkeys(
        (
            "lock_unknown",
            "policy_unknown",
            "decision_unknown",
            "key_unknown",
            "namespace_unknown",
            "budget_unknown",
            "reservation_unknown",
            "approval_unknown",
            "grant_unknown",
            "not_found",
        ),
        NotFoundError,
    ),
    "queue_full": QueueFullError,
    **dict.fromkeys(("namespace_limit", "rate_limited"), RateLimitedError),
    "policy_denied": PolicyDeniedError,
    **dict.fromkeys(
        (
            "validation_failed",
            "malformed_json",
            "cross_partition",
            "payload_too_large",
            "unsupported_media_type",
            "method_not_allowed",
            "policy_invalid",
            "precondition_required",
            "precondition_failed",
            "keys_off",
            "model_unpriced",
        ),
        ValidationError,
    ),
    **dict.fromkeys(
        (
            "store_recovering",
            "store_unavailable",
            "approvals_unavailable",
            "journal_unavailable",
            "policies_unavailable",
            "keys_unavailable",
            "namespaces_unavailable",
            "unreachable",
        ),
        UnavailableError,
    ),
    "internal_error": ServiceFailedError,
    "budget_exceeded": BudgetExceededError,
    **dict.fromkeys(
        ("reservation_conflict", "reservation_settled", "approval_closed", "approval_not_needed"), ConflictError
    ),
    **dict.fromkeys(("unauthorized", "forbidden", "agent_mismatch", "not_an_approver"), UnauthorizedError),
    **dict.fromkeys(("not_protomesh", "version_mismatch"), ProtocolError),
}


def to_error(problem: Problem) -> MeshError:
    """The error of a problem: by its code, and by its status where the code is a newer service's."""
    kind = _BY_CODE.get(problem.code)
    if kind is PolicyDeniedError:
        wants_approval = problem.decision is not None and problem.decision.decision == "require_approval"
        return ApprovalRequiredError(problem) if wants_approval else PolicyDeniedError(problem)
    if kind is not None:
        return kind(problem)
    if problem.status in (401, 403):
        return UnauthorizedError(problem)
    if problem.status == 429:
        return RateLimitedError(problem)
    return MeshError(problem)
