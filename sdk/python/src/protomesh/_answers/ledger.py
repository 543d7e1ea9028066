"""What the service answers about reservations, budgets and what they cost."""

from __future__ import annotations

from datetime import datetime

from .base import Answer, answer
from .budgets import BudgetLine


@answer
class Reservation(Answer):
    """An amount that is held until it is committed, released or expired."""

    reservation_id: str
    namespace: str
    agent_id: str
    state: str
    unit: str
    amount: int
    created_at: datetime
    expires_at: datetime
    budgets: tuple[BudgetLine, ...]
    expires_in_ms: int | None = None
    run_id: str | None = None
    actual: int | None = None
    late: bool | None = None
    overrun: bool | None = None
    verification: str | None = None
    claimed: int | None = None
    recomputed: int | None = None
    settled_at: datetime | None = None


@answer
class BudgetWindow(Answer):
    """When a budget starts anew: one of the three is there."""

    calendar: str | None = None
    tz: str | None = None
    rolling_ms: int | None = None
    lifetime: bool | None = None


@answer
class Budget(Answer):
    """A budget as the policy names it."""

    name: str
    unit: str
    cap: int
    window: BudgetWindow
    key: str | None = None
    alert: tuple[int, ...] | None = None


@answer
class BudgetPolicy(Answer):
    """Which version of which document names the budgets."""

    name: str
    version: int
    sha256: str


@answer
class BudgetPage(Answer):
    """The budgets of a namespace, and the policy that names them."""

    budgets: tuple[Budget, ...]
    policy: BudgetPolicy


@answer
class BudgetUsage(Answer):
    """A counter, and what the ledger says of it."""

    name: str
    unit: str
    cap: int
    spent: int
    held: int
    left: int
    topped_up: int = 0
    disputed: int = 0
    key: str | None = None
    window_started_at: datetime | None = None
    window_ends_at: datetime | None = None
    ledger_spent: int | None = None
    drift: int | None = None
    drift_before: int | None = None
    as_of: datetime | None = None


@answer
class LedgerEntry(Answer):
    """One thing that happened to a counter; it never changes."""

    id: int
    at: datetime
    kind: str
    budget: str
    amount: int
    key: str | None = None
    reservation_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    actual: int | None = None
    late: bool | None = None
    overrun: bool | None = None
    verification: str | None = None
    claimed: int | None = None
    recomputed: int | None = None
    model: str | None = None
    price_table: str | None = None
    reason: str | None = None
    by: str | None = None


@answer
class LedgerPage(Answer):
    """Some of the entries."""

    entries: tuple[LedgerEntry, ...]
    next_page_token: str | None = None


@answer
class ModelPrice(Answer):
    """What a model costs from a day on, in dollars per million tokens. ``from`` is a word of Python, hence ``from_``."""

    model: str
    from_: str
    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
    batch: float | None = None


@answer
class PriceList(Answer):
    """What tokens cost, by which claims are checked."""

    version: str
    tolerance_percent: float
    models: tuple[ModelPrice, ...]
