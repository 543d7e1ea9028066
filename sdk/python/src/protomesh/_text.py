"""Sentences that a model can read: why something was not done, and what became of it."""

from __future__ import annotations

from ._answers.problems import Problem


def denial_text(action: str, problem: Problem) -> str:
    """The same in all languages."""
    parts = [f"Not done: {action}.", _stopped(problem.detail or problem.title)]
    reasons = () if problem.decision is None else problem.decision.reasons
    changes = dict.fromkeys(change for reason in reasons for change in reason.to_change or ())
    if changes:
        parts.append(f"It would be allowed with: {'; '.join(changes)}.")
    if problem.next_step:
        parts.append(problem.next_step)
    if problem.retry_after_ms is not None:
        parts.append(f"Try again in about {-(-problem.retry_after_ms // 1000)} s.")
    return " ".join(parts)


def lost_text(action: str, problem: Problem) -> str:
    """For a body that was cut off."""
    parts = (f"{action} may be half done:", problem.detail or problem.title, problem.next_step or "")
    return " ".join(part for part in parts if part)


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."
