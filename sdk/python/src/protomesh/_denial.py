"""Why a guard did not let its body run."""

from __future__ import annotations

from dataclasses import dataclass

from ._answers.policies import PolicyApproval, PolicyDecision
from ._answers.problems import Problem
from ._errors import MeshError
from ._text import denial_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A refusal as a value. ``text`` can be given to a model as it is."""

    code: str
    text: str
    retryable: bool
    retry_after_ms: int | None
    decision: PolicyDecision | None
    problem: Problem
    #: The approval that it waits for: its id, who can give it, and until when.
    approval: PolicyApproval | None = None

    @classmethod
    def of(cls, action: str, error: MeshError) -> Denial:
        """From what was raised."""
        problem = error.problem
        return cls(
            code=problem.code,
            text=denial_text(action, problem),
            retryable=problem.retryable,
            retry_after_ms=problem.retry_after_ms,
            decision=problem.decision,
            problem=problem,
            approval=_approval(problem.decision),
        )


def _approval(decision: PolicyDecision | None) -> PolicyApproval | None:
    return decision.approval if decision is not None and decision.decision == "require_approval" else None
