"""What a model reads when a tool did not run, or was cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._answers.approvals import Approval
from .._answers.policies import PolicyApproval
from .._answers.problems import Problem
from .._denial import Denial
from .._errors import LeaseLostError
from .._text import lost_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A tool that did not run, or that lost its lease while it ran. ``text`` is for the model."""

    action: str
    """What was to be done."""
    code: str
    """The service's, such as ``policy_denied`` or ``lock_timeout``; ``lease_lost`` for a tool that was cut off."""
    text: str
    """For the model."""
    retryable: bool
    """Whether the same call may succeed later."""
    retry_after_ms: int | None = None
    """When a retry makes sense, if the service said so."""
    problem: Problem | None = None
    """Everything that the service said; None when it was not asked."""
    approval: PolicyApproval | None = None
    """The approval that the call waits for, if people have to approve it."""

    @classmethod
    def of(cls, action: str, denial: Denial) -> Refusal:
        """From a guard's denial."""
        return cls(
            action=action,
            code=denial.code,
            text=denial.text,
            retryable=denial.retryable,
            retry_after_ms=denial.retry_after_ms,
            problem=denial.problem,
            approval=denial.approval,
        )

    @classmethod
    def lost(cls, action: str, loss: LeaseLostError) -> Refusal:
        """The tool may have done a part."""
        text = lost_text(action, loss.problem)
        return cls(action=action, code=loss.code, text=text, retryable=False, problem=loss.problem)

    @classmethod
    def unclear(cls, action: str, why: str) -> Refusal:
        """The rule could not tell what the call needs, so nobody could protect it."""
        text = f"Not done: {action}. What it needs could not be told from its arguments: {why}"
        return cls(action=action, code="unclear", text=text, retryable=False)

    @classmethod
    def given_up(cls, action: str) -> Refusal:
        """Whoever wanted it is gone."""
        text = f"Not done: {action}. The run that asked for it has ended."
        return cls(action=action, code="given_up", text=text, retryable=False)

    @property
    def details(self) -> dict[str, Any]:
        """For programs, where a framework has a place for it; plain JSON, so that it survives a checkpoint."""
        details = {"code": self.code, "retryable": self.retryable, "retry_after_ms": self.retry_after_ms}
        if self.approval is not None and self.approval.approval_id is not None:
            details["approval_id"] = self.approval.approval_id
        return details


def decided_text(action: str, approval: Approval) -> str:
    """Why an approval that was waited for allows nothing."""
    said = "; ".join(f"{vote.approver}: {vote.comment}" for vote in approval.votes if vote.comment)
    which = f"The approval {approval.approval_id} of the group {approval.group} is {approval.state}."
    return f"Not done: {action}. {which}" + (f" {said}." if said else "")
