"""Deadlines on this process's own monotonic clock."""

from __future__ import annotations

import random
from time import monotonic

__all__ = ["Backoff", "lease_deadline", "monotonic"]

# Covers the time that it takes to stop working.
_REACTION = 0.002


def lease_deadline(sent: float, served_ms: int, expires_in_ms: int) -> float:
    """Until when a holder may believe in its lease.

    The service ran its script at the earliest ``served_ms`` after the request was sent, so "sent + served + expires_in"
    is never later than the service's deadline, however long the answer took. The margin covers two clocks that tick at
    slightly different rates.
    """
    told = (served_ms + expires_in_ms) / 1000
    return sent + told - told / 100 - _REACTION


class Backoff:
    """0.2, 0.4, 0.8 … 5 s, each shortened by up to half at random so that many clients do not return together."""

    def __init__(self) -> None:
        self._next = 0.2

    def next(self) -> float:
        """The next pause in seconds."""
        delay = self._next * (1 - random.random() / 2)
        self._next = min(self._next * 2, 5.0)
        return delay
