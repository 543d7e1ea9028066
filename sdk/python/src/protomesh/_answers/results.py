"""What the service answers to several checks at once."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Answer
from .policies import PolicyDecision
from .problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult(Answer):
    """One of the two is there."""

    decision: PolicyDecision | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResults(Answer):
    """One result for each check, in the order of the call."""

    results: tuple[PolicyResult, ...]
