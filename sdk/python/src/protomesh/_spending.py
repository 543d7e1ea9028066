"""What a guard's body says of its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._answers.budgets import BudgetObligation


class Spending:
    """The last word on each reservation."""

    def __init__(self, reservations: Sequence[BudgetObligation]) -> None:
        self._reservations = reservations
        self._told: dict[str, dict[str, Any]] = {}

    def note(self, actual: int | None, usage: Mapping[str, Any] | None, reservation_id: str | None) -> None:
        """Raises ValueError at once for what could not be recorded later, when nobody is there to hear it."""
        if actual is None and usage is None:
            raise ValueError("spent needs an amount or the usage of a model.")
        if actual is not None and (isinstance(actual, bool) or not isinstance(actual, int) or actual < 0):
            raise ValueError(f"An amount is a whole number of the budget's unit from 0 on, not {actual!r}.")
        told = [one for one in self._reservations if reservation_id in (None, one.reservation_id)]
        if reservation_id is not None and not told:
            raise ValueError(f"This guard has no reservation {reservation_id}.")
        units = sorted({one.unit for one in told})
        if actual and len(units) > 1:
            raise ValueError(f"The reservations are in {' and '.join(units)}: say which one by reservation_id.")
        words: dict[str, Any] = {}
        if actual is not None:
            words["actual"] = actual
        if usage is not None:
            words["usage"] = dict(usage)
        for one in told:
            self._told[one.reservation_id or ""] = words

    def told(self, reservation: BudgetObligation) -> dict[str, Any] | None:
        """What is to be committed; None when nothing was said."""
        return self._told.get(reservation.reservation_id or "")
