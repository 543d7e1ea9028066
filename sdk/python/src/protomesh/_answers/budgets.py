"""What a decision takes from budgets. Amounts are whole numbers of the budget's unit; that of ``usd`` is a millionth of a
dollar."""

from __future__ import annotations

from datetime import datetime

from .base import Answer, answer


@answer
class BudgetLine(Answer):
    """A counter of a budget: what it may hold, and what it holds now. Without a key, the namespace has one."""

    name: str
    cap: int
    spent: int
    held: int
    left: int
    key: str | None = None
    window_started_at: datetime | None = None
    window_ends_at: datetime | None = None


@answer
class BudgetObligation(Answer):
    """What an allow reserved for one of its rules."""

    rule: str
    unit: str
    amount: int
    expires_at: datetime | None = None
    expires_in_ms: int | None = None
    budgets: tuple[BudgetLine, ...] = ()
    #: None where nothing was taken, as in a dry run.
    reservation_id: str | None = None
