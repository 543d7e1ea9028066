# Made by scripts/generate_sync.py from _async/acquisition.py: change that file.
"""One request for a lease from its first call to its grant."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from .._answers.locks import GrantedLock, QueuedLock, ReleasedLock
from .._answers.policies import PolicyObligations
from .._clock import monotonic
from .._errors import (
    LockEndedError,
    LockTimeoutError,
    MeshError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    ServiceFailedError,
    UnauthorizedError,
    UnavailableError,
)
from .._problems import timed_out
from .._requests import LeaseRequest, drop_none, new_request_id
from .runtime import call_back, pause, shielded
from .transport import Call, Reply, Sender, escape, post

# Common HTTP resilience handlers and proxies cut at 10 s.
SLICE: Final = 8.0
# The service ends the wait; this is for one whose clock runs slow.
_GRACE: Final = 2.0
_SHORTEST_ROUND: Final = 0.25
_TAKE_BACK_LIMIT: Final = 3.0
_TAKE_BACK_AGAIN: Final = 0.2


class Acquisition:
    """Held open in slices, repeated under the same id after every fault, submitted again where the service lost it, and
    taken back when the caller gives up."""

    def __init__(self, sender: Sender, body: dict[str, Any], request: LeaseRequest) -> None:
        self._sender = sender
        self._body = body
        self._request = request
        self._queued: QueuedLock | None = None
        #: What the decision took, from the first answer on that tells of it: later ones may not.
        self._taken: PolicyObligations | None = None

    def run(self) -> tuple[GrantedLock, float]:
        """The grant, and when the call that brought it was sent."""
        wait = self._request.wait
        wait_ends = monotonic() + wait
        # A try does not wait in the queue, but its one call is repeated like any other while nobody answers.
        until = wait_ends + _GRACE if wait > 0 else None
        try:
            while (reply := self._call(wait_ends, until)) is not None:
                if reply.status != 202:
                    return self._whole(self._sender.read(GrantedLock, reply)), reply.sent
                is_news = self._queued is None and self._request.on_queued is not None
                self._queued = self._sender.read(QueuedLock, reply)
                if self._queued.decision is not None:
                    self._taken = self._queued.decision.obligations or self._taken
                call_back(self._request.on_queued, self._queued)
                if not is_news:
                    self._pace(reply.sent)
        except BaseException as fault:
            # Given up from this side. Whatever the service has made of the request meanwhile must not stay behind.
            if self._may_leave_something(fault):
                shielded(self._take_back)
            elif not isinstance(fault, GeneratorExit):
                # It waited within its first call, whose answer tells of nothing but the end.
                shielded(self._give_back, isinstance(fault, (LockTimeoutError, LockEndedError)))
            raise
        shielded(self._take_back)
        raise self._timed_out()

    def _call(self, wait_ends: float, until: float | None) -> Reply | None:
        """None when the wait is over and the service has not said so."""
        while monotonic() < (wait_ends + _GRACE if until is None else until):
            left = wait_ends - monotonic()
            try:
                return self._sender.send(self._next(max(0.0, min(left, SLICE)), until))
            except NotFoundError as refusal:
                # The store was lost and rebuilt without its waiters: the same request takes a place in the new queue.
                if refusal.code != "lock_unknown" or left <= 0:
                    raise
                self._submit_again(self._body["request_id"], left)
            except LockEndedError as refusal:
                # This process was out for longer than a waiter may be silent. What has ended stays ended, so a new one.
                if refusal.problem.state != "abandoned" or self._request.request_id is not None or left <= 0:
                    raise
                self._submit_again(new_request_id(), left)
        return None

    def _may_leave_something(self, fault: BaseException) -> bool:
        if isinstance(fault, GeneratorExit):
            return False
        if not isinstance(fault, MeshError) or isinstance(fault, (UnavailableError, ServiceFailedError)):
            return True
        # A refusal of whoever stands before the service says nothing about what waits behind it.
        return self._queued is not None and isinstance(fault, (ProtocolError, RateLimitedError, UnauthorizedError))

    def _next(self, hold: float, until: float | None) -> Call:
        if self._queued is not None:
            return post(f"/v1/locks/{escape(self._queued.lock_id)}/wait", hold=hold, until=until)
        # Whoever wants to know its place wants to know it now and not after a slice.
        return post("/v1/locks", self._body, hold=hold if self._request.on_queued is None else 0.0, until=until)

    def _submit_again(self, request_id: str, left: float) -> None:
        self._queued, self._taken = None, None
        self._body = {**self._body, "request_id": request_id, "wait_ms": max(1, round(left * 1000))}

    def _whole(self, grant: GrantedLock) -> GrantedLock:
        stamp = grant.decision
        if stamp is None or stamp.obligations is not None or self._taken is None:
            return grant
        return replace(grant, decision=replace(stamp, obligations=self._taken))

    def _pace(self, sent: float) -> None:
        """A service that held the call open is called again at once: its Retry-After is meant for callers who do not wait
        on the line. One that answers early, as when it shuts down, would otherwise be called in a tight loop."""
        took = monotonic() - sent
        if took < _SHORTEST_ROUND:
            pause(_SHORTEST_ROUND - took)

    def _take_back(self) -> None:
        """Bounded. A call that was cut off may still be on its way, so "unknown" is asked again before it is believed."""
        try:
            self._cancel()
        finally:
            self._give_back(True)

    def _give_back(self, is_unknown: bool) -> None:
        """What the policy reserved in budgets for a lease that never came. ``is_unknown``: no answer may have told of it."""
        held = () if self._taken is None else self._taken.budget or ()
        names = [one.reservation_id for one in held]
        if self._queued is None and is_unknown and self._body.get("action") is not None:
            # The first rule's reservation has the request's own id.
            names = [self._body["request_id"]]
        until = monotonic() + _TAKE_BACK_LIMIT
        for name in names:
            body = drop_none(namespace=self._body.get("namespace"))
            with suppress(MeshError):
                path = f"/v1/budgets/reservations/{escape(name or '')}/release"
                self._sender.send(post(path, body, until=until))

    def _cancel(self) -> None:
        until = monotonic() + _TAKE_BACK_LIMIT
        if self._queued is not None:
            call = post(f"/v1/locks/{escape(self._queued.lock_id)}/cancel", until=until)
        else:
            call = post(
                "/v1/locks/cancel",
                drop_none(
                    request_id=self._body["request_id"], namespace=self._body.get("namespace"), resource=self._first()
                ),
                until=until,
            )
        for _ in range(3):
            try:
                self._sender.ask(ReleasedLock, call)
                return
            except NotFoundError:
                pause(_TAKE_BACK_AGAIN)
            except MeshError:
                # Out of reach, or ended already. A waiter that stays silent is dropped, and an unclaimed grant too.
                return

    def _first(self) -> str | None:
        if "resource" in self._body:
            return str(self._body["resource"])
        first = next(iter(self._body["resources"]), None)
        return first if first is None or isinstance(first, str) else str(first.get("resource"))

    def _timed_out(self) -> MeshError:
        queued = self._queued
        more: dict[str, Any] = {}
        if queued is not None:
            more = {"lock_id": queued.lock_id, "position": queued.position, "blocked_by": queued.blocked_by}
        name = self._body.get("resource") or "The resources"
        return timed_out(f"{name} could not be had within {self._request.wait:g} s.", more)
