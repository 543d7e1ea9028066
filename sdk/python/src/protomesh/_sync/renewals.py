# Made by scripts/generate_sync.py from _async/renewals.py: change that file.
"""Renews every lease of a client in the background."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from typing import Final

from .._answers.locks import RenewResult, RenewResults
from .._clock import monotonic
from .._errors import MeshError
from .._requests import drop_none
from .lease import SyncLease, means_loss
from .runtime import Ticker
from .transport import Sender, post

_LARGEST_BATCH: Final = 1000
_SOONEST_RETRY: Final = 0.1
_log = logging.getLogger("protomesh")


class Renewals:
    """What is due at about the same time goes in one call; a call that hangs holds up only its own leases, whose deadlines
    are watched without it."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._gate = threading.Lock()
        self._leases: set[SyncLease] = set()
        self._ticker = Ticker(self._tick)
        self._closed = False
        _everyone.add(self)

    def held(self) -> list[SyncLease]:
        """The leases that are held, those that were handed on left out."""
        with self._gate:
            leases = list(self._leases)
        return [lease for lease in leases if lease._is_ours]

    def add(self, lease: SyncLease) -> None:
        """Watches a lease from now on."""
        with self._gate:
            self._leases.add(lease)
        self._ticker.plan(self._due(lease))

    def remove(self, lease: SyncLease) -> None:
        """Forgets a lease."""
        with self._gate:
            self._leases.discard(lease)

    def close(self) -> None:
        """Ends the renewals. Releases nothing; what is still held is watched to its deadline, where it is lost."""
        with self._gate:
            self._closed = True
            leases = list(self._leases)
        self._ticker.close()
        due = self._earliest(leases)
        if due is not None:
            self._ticker.plan(due)

    def after_fork(self) -> None:
        """In a forked process: what is held is the parent's, and its threads are not here."""
        self._gate = threading.Lock()
        self._ticker.after_fork()
        self._sender.http.after_fork()
        self._sender.settings.after_fork()
        for lease in self._leases:
            lease._abandon()
        self._leases.clear()

    def _tick(self) -> None:
        batches, due = self._take_due()
        for batch in batches:
            try:
                self._ticker.spawn(self._renew, batch)
            except RuntimeError as fault:
                # The system has no thread to spare just now; the deadlines have to be watched all the same.
                _log.warning("A renewal could not be started and is tried again: %s", fault)
                for lease in batch:
                    _retry_soon(lease)
                    lease._renewing = False
                again = self._earliest(batch)
                due = again if due is None or (again is not None and again < due) else due
        if due is not None:
            self._ticker.plan(due)

    def _take_due(self) -> tuple[list[list[SyncLease]], float | None]:
        """The calls to make now, each for leases in the same situation, and when to look again."""
        with self._gate:
            leases = list(self._leases)
        now = monotonic()
        batches: list[list[SyncLease]] = []
        together: list[SyncLease] = []
        others: list[SyncLease] = []
        for lease in leases:
            if lease._check_deadline() or self._closed or lease._renewing or not lease._wants_renewal:
                continue
            if lease._renew_at > now:
                others.append(lease)
            elif lease._has_progress:
                batches.append([lease])
            else:
                together.append(lease)
        if together:
            # Whoever is due shortly comes along: one call more or less costs more than an early renewal.
            together += [one for one in others if one._renew_at - now < one._renew_every / 4 and not one._has_progress]
        batches += [together[start : start + _LARGEST_BATCH] for start in range(0, len(together), _LARGEST_BATCH)]
        for batch in batches:
            for lease in batch:
                lease._renewing = True
        return batches, self._earliest(leases)

    def _due(self, lease: SyncLease) -> float:
        """When the loop has to look at it."""
        return lease._deadline if self._closed else lease._next_due

    def _earliest(self, leases: list[SyncLease]) -> float | None:
        return min((self._due(lease) for lease in leases if not lease._is_over), default=None)

    def _renew(self, batch: list[SyncLease]) -> None:
        try:
            if len(batch) == 1 and batch[0]._has_progress:
                batch[0].renew()
                return
            # Half of what the nearest to its end has left: enough for a second try over another address.
            now = monotonic()
            until = now + (min(lease._deadline for lease in batch) - now) / 2
            body = {
                "locks": [
                    drop_none(lock_id=lease.lock_id, fencing_token=lease.fencing_token, ttl_ms=lease._ttl_ms)
                    for lease in batch
                ]
            }
            reply = self._sender.send(post("/v1/locks/renew", body, until=until))
            results = self._sender.read(RenewResults, reply).results
            for lease, result in zip(batch, results, strict=False):
                _apply(lease, result, reply.sent)
        except Exception as fault:
            # Whatever it was: the leases stay due, so without a pause they would be renewed again at once and for ever.
            for lease in batch:
                _retry_soon(lease)
            if self._closed:
                return
            if not isinstance(fault, MeshError):
                _log.exception("A renewal failed in a way that was not foreseen.")
            elif not fault.retryable and not means_loss(fault.problem):
                _log.warning("A renewal was refused: %s", fault.message)
        finally:
            for lease in batch:
                lease._renewing = False
            due = self._earliest(batch)
            if due is not None:
                self._ticker.plan(due)


def _apply(lease: SyncLease, result: RenewResult, sent: float) -> None:
    problem = result.problem
    if problem is None and result.expires_in_ms is not None:
        ends = result.expires_at is not None and result.hold_ends_at is not None
        hold_ends = ends and result.expires_at >= result.hold_ends_at  # type: ignore[operator]
        lease._extend(sent, result.served_ms or 0, result.expires_in_ms, hold_ends, result.waiters)
    elif problem is not None and means_loss(problem):
        if not lease._ending:
            lease._lose(problem)
    else:
        _retry_soon(lease)


def _retry_soon(lease: SyncLease) -> None:
    """A tenth of what is left: more often as the end comes nearer, but never in a tight loop."""
    now = monotonic()
    lease._renew_at = now + max((lease._deadline - now) / 10, _SOONEST_RETRY)


# A forked process has the leases of its parent in its memory, but must not renew them.
_everyone: weakref.WeakSet[Renewals] = weakref.WeakSet()


def _after_fork() -> None:
    for renewals in list(_everyone):
        renewals.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
