"""What is wrong, as the service says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .base import Answer, WrongShapeError, answer
from .blockers import Blocker
from .budgets import BudgetLine
from .policies import PolicyDecision

if TYPE_CHECKING:
    from typing_extensions import Self

# The fields that are one text or number.
_PLAIN = (
    *("code", "status", "title", "type", "detail", "retryable", "retry_after_ms", "next_step", "trace_id"),
    *("resource", "position", "lock_id", "state", "ended_because"),
)

_P = TypeVar("_P", bound="Problem")


@answer
class FieldError(Answer):
    """A field that breaks a rule."""

    field: str
    rule: str
    value: Any = None


@answer
class Problem(Answer):
    """A problem document (RFC 9457). ``document`` is the whole of it, with whatever a newer service added."""

    code: str
    status: int
    title: str
    type: str = ""
    detail: str | None = None
    retryable: bool = False
    retry_after_ms: int | None = None
    next_step: str | None = None
    trace_id: str | None = None
    resource: str | None = None
    position: int | None = None
    blocked_by: tuple[Blocker, ...] | None = None
    lock_id: str | None = None
    state: str | None = None
    lost_at: datetime | None = None
    ended_because: str | None = None
    decision: PolicyDecision | None = None
    errors: tuple[FieldError, ...] | None = None
    budgets: tuple[BudgetLine, ...] | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        try:
            problem = _make(cls, data)
        except WrongShapeError:
            if not isinstance(data, Mapping):
                raise
            # A part that a newer service writes in another way must not hide what is wrong.
            problem = _make(cls, {name: data[name] for name in _PLAIN if isinstance(data.get(name), (str, int))})
        if not isinstance(problem.code, str) or not isinstance(problem.status, int):
            raise WrongShapeError("a problem has a code and a status")
        object.__setattr__(problem, "document", dict(data))
        return problem

    def to_dict(self) -> dict[str, Any]:
        if self.document:
            return dict(self.document)
        values = Answer.to_dict(self)
        del values["document"]
        return values


def _make(cls: type[_P], data: Any) -> _P:
    # Not super(): a dataclass with slots is made twice, and super() remembers the first.
    return cast("_P", Answer.__dict__["from_dict"].__func__(cls, data))
