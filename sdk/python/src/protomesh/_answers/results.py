"""What the service answers to several checks at once."""

from __future__ import annotations

from .base import Answer, answer
from .policies import PolicyDecision
from .problems import Problem


@answer
class PolicyResult(Answer):
    """One of the two is there."""

    decision: PolicyDecision | None = None
    problem: Problem | None = None


@answer
class PolicyResults(Answer):
    """One result for each check, in the order of the call."""

    results: tuple[PolicyResult, ...]
