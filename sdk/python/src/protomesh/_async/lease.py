"""A lock that is held."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from .._answers.locks import GrantedLock, LockedResource, PreviousHold, ReleasedLock, RenewedLock, Waiters
from .._answers.policies import PolicyStamp
from .._answers.problems import Problem
from .._clock import lease_deadline, monotonic
from .._errors import LeaseLostError, MeshError
from .._problems import as_loss, lease_lost
from .._requests import drop_none
from .._ticket import Ticket
from .runtime import Signal, shielded
from .transport import Sender, escape, post

if TYPE_CHECKING:
    from .renewals import Renewals

# A close may run while the process is ending; the lease expires by itself if the service cannot be told.
CLOSE_LIMIT: Final = 5.0


class _Standing(Enum):
    HELD = "held"
    #: Given on as a ticket: still held here until its deadline, but renewed and released elsewhere.
    HANDED_ON = "handed on"
    LOST = "lost"
    RELEASED = "released"


class Lease:
    """A lock that is held. It renews itself until it is released or its maximal hold ends. Give ``fencing_token`` to
    whatever is written."""

    def __init__(
        self,
        sender: Sender,
        renewals: Renewals,
        grant: GrantedLock,
        sent: float,
        *,
        ttl_ms: int | None,
        auto_renew: bool,
    ) -> None:
        self._sender = sender
        self._renewals = renewals
        #: The service's whole answer to the request.
        self.grant = grant
        #: Set when the lease is lost or may be: when the service says so, and otherwise at this process's own deadline,
        #: which is before the service can give the resource to anyone else. It is not set by a release.
        self.lost = Signal()
        #: Who waited at the last renewal, so that a polite holder can yield; None before the first.
        self.waiters: Waiters | None = None
        self._ttl_ms = ttl_ms
        self._renew_every = (grant.expires_in_ms if ttl_ms is None else ttl_ms) / 3000
        #: When it is renewed next, and whether a renewal is on its way; the loop's.
        self._renew_at = 0.0
        self._renewing = False
        self._deadline = lease_deadline(sent, grant.served_ms, grant.expires_in_ms)
        self._auto_renew = auto_renew
        self._gate = threading.Lock()
        self._standing = _Standing.HELD
        #: It stays so after its deadline: to end the lease is for whoever took it up.
        self._was_handed_on = False
        #: A release or a transfer is on its way. A renewal that it overtook then reads of a loss that is none.
        self._ending = False
        self._loss: Problem | None = None
        self._progress: str | None = None
        self._hold_ends = grant.expires_at >= grant.hold_ends_at
        self._listeners: list[Callable[[], None]] = []
        self._plan_renewal(sent)
        renewals.add(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name} {self._standing.value} by {self.agent_id}>"

    @property
    def lock_id(self) -> str:
        """``{request_id}.{partition}``: what others may ask about."""
        return self.grant.lock_id

    @property
    def request_id(self) -> str:
        """The id of the request."""
        return self.grant.request_id

    @property
    def resource(self) -> str | None:
        """The resource; None when the request named several."""
        return self.grant.resource

    @property
    def resources(self) -> tuple[LockedResource, ...] | None:
        """The resources of a request that named several."""
        return self.grant.resources

    @property
    def agent_id(self) -> str:
        """Who holds it."""
        return self.grant.agent_id

    @property
    def fencing_token(self) -> int:
        """Greater than every token granted before. A resource that refuses tokens lower than the highest it saw is safe
        even from a holder that does not know yet that it lost."""
        return self.grant.fencing_token

    @property
    def previous(self) -> PreviousHold | None:
        """How the last hold ended, if that is remembered: after ``expired`` its work may be half written."""
        return self.grant.previous

    @property
    def changed_since_last_held(self) -> bool | None:
        """Has anyone else held this since this agent last did? None when that is not known."""
        return self.grant.changed_since_last_held

    @property
    def decision(self) -> PolicyStamp | None:
        """The decision that allowed its action, for whoever asks later why this was done."""
        return self.grant.decision

    @property
    def is_held(self) -> bool:
        """False from the deadline on, by a look at the clock: true to the moment even where timers are late, such as just
        after a stopped process was continued."""
        return self._standing in (_Standing.HELD, _Standing.HANDED_ON) and monotonic() < self._deadline

    @property
    def remaining(self) -> float:
        """For how many seconds the lease lives without a further renewal; 0 when it is over."""
        return max(0.0, self._deadline - monotonic()) if self.is_held else 0.0

    @property
    def _name(self) -> str:
        """Its resources, for messages."""
        return self.resource or ", ".join(one.resource for one in self.resources or ())

    def check(self) -> None:
        """Raises LeaseLostError when the lease is lost, its deadline has passed, or it was released."""
        if not self.is_held:
            raise self._find_loss() or LeaseLostError(
                lease_lost(f"{self._name} was released by this process.", self.lock_id)
            )

    def throw_if_lost(self) -> None:
        """``check`` under the name that the other languages have for it."""
        self.check()

    def report_progress(self, text: str) -> None:
        """Shows a text of up to 500 bytes to whoever waits; sent in the background, and only the last one counts."""
        with self._gate:
            if self._standing is not _Standing.HELD:
                return
            self._progress = text
            self._renew_at = monotonic()
        self._renewals.add(self)

    async def renew(self) -> None:
        """Renews now; needed only with ``auto_renew=False``. Raises LeaseLostError."""
        self.check()
        progress = self._progress
        body = drop_none(fencing_token=self.fencing_token, ttl_ms=self._ttl_ms, progress=progress)
        try:
            reply = await self._sender.send(post(f"{self._path}/renew", body, until=self._deadline))
            renewed = self._sender.read(RenewedLock, reply)
        except MeshError as refusal:
            if means_loss(refusal.problem):
                loss = LeaseLostError(as_loss(refusal.problem, self.lock_id))
                raise loss if self._ending else self._gone(refusal.problem) from None
            if not refusal.retryable:
                # A text that the service does not take must not be in the way of the next renewal.
                self._drop_progress(progress)
            raise
        self._drop_progress(progress)
        holds_end = renewed.expires_at >= renewed.hold_ends_at
        self._extend(reply.sent, renewed.served_ms, renewed.expires_in_ms, holds_end, renewed.waiters)

    async def release(self, note: str | None = None) -> None:
        """Lets the resource go; ``note`` is what the next holder should know. Harmless when repeated,
        and after ``ticket``: then it is for whoever took it up.

        Raises LeaseLostError when it was lost before: what was written since may have been refused.
        """
        await self._release(note, None)

    async def _release(self, note: str | None, until: float | None) -> None:
        if self._standing is _Standing.RELEASED or self._was_handed_on:
            return
        self._ending = True
        body = drop_none(fencing_token=self.fencing_token, note=note)
        try:
            # Also when this side has given it up: the service may still count it as held, and its word is final.
            await self._sender.ask(ReleasedLock, post(f"{self._path}/release", body, until=until))
        except MeshError as refusal:
            if means_loss(refusal.problem):
                raise self._gone(refusal.problem) from None
            if self._loss is not None:
                raise LeaseLostError(self._loss) from refusal
            raise
        finally:
            # Also after a failure nobody renews it any more: its owner is done with it. Its deadline is still watched.
            self._auto_renew, self._progress = False, None
            self._ending = False
        self._end()
        if self._loss is not None:
            raise LeaseLostError(self._loss)

    async def transfer(self, to_agent_id: str, to_session_id: str | None = None) -> GrantedLock:
        """Hands the lease to another agent. This one is over; the answer has the new holder's token.

        Raises LeaseLostError when it was lost before.
        """
        self._ending = True
        body = drop_none(fencing_token=self.fencing_token, to_agent_id=to_agent_id, to_session_id=to_session_id)
        try:
            given = await self._sender.ask(GrantedLock, post(f"{self._path}/transfer", body))
        except BaseException as refusal:
            if isinstance(refusal, MeshError) and means_loss(refusal.problem):
                raise self._gone(refusal.problem) from None
            self._ending = False
            self._renewals.add(self)
            raise
        finally:
            self._ending = False
        self._end()
        return given

    def ticket(self) -> Ticket:
        """What another process needs to take this lease up with ``attach``. From now on this process neither renews nor
        releases it; ``is_held`` stays true until the deadline. Raises LeaseLostError."""
        self.check()
        with self._gate:
            if self._standing is _Standing.HELD:
                self._standing, self._was_handed_on = _Standing.HANDED_ON, True
        grant = self.grant
        return Ticket(
            lock_id=grant.lock_id,
            request_id=grant.request_id,
            namespace=grant.namespace,
            resource=grant.resource,
            resources=grant.resources,
            mode=grant.mode,
            agent_id=grant.agent_id,
            session_id=grant.session_id,
            fencing_token=grant.fencing_token,
            ttl_ms=grant.expires_in_ms if self._ttl_ms is None else self._ttl_ms,
        )

    async def _close(self, note: str | None = None) -> None:
        """Releases, for at most 5 s and whatever the caller's own cancellation says. It raises no refusal: a body that must
        know whether it kept its lease to the end calls ``release``."""
        if self._standing is _Standing.HELD:
            await shielded(self._close_now, note)

    async def _close_now(self, note: str | None) -> None:
        # Lost, or out of reach: either way nobody renews it any more and it ends by itself.
        with suppress(MeshError):
            await self._release(note, monotonic() + CLOSE_LIMIT)

    async def __aenter__(self) -> Lease:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._close()

    # What follows is for the client itself.

    @property
    def _is_ours(self) -> bool:
        """Held and not handed on."""
        return self._standing is _Standing.HELD and monotonic() < self._deadline

    @property
    def _is_over(self) -> bool:
        """Lost or released."""
        return self._standing in (_Standing.LOST, _Standing.RELEASED)

    @property
    def _wants_renewal(self) -> bool:
        """Whether the loop has to call."""
        if self._standing is not _Standing.HELD or self._ending:
            return False
        return (self._auto_renew and not self._hold_ends) or self._progress is not None

    @property
    def _has_progress(self) -> bool:
        """The call that renews many has no place for a text."""
        return self._progress is not None

    @property
    def _next_due(self) -> float:
        """When the loop has to look at it."""
        return min(self._renew_at, self._deadline) if self._wants_renewal and not self._renewing else self._deadline

    def _when_lost(self, function: Callable[[], None]) -> None:
        """Calls a function at the loss; at once if it is lost already."""
        with self._gate:
            if self._standing is not _Standing.LOST:
                self._listeners.append(function)
                return
        function()

    def _find_loss(self) -> LeaseLostError | None:
        """Why it is lost, by a look at the clock; None while it is held and after a release."""
        self._check_deadline()
        return None if self._loss is None or self._standing is not _Standing.LOST else LeaseLostError(self._loss)

    def _check_deadline(self) -> bool:
        """Loses the lease when its deadline has passed, which it tells."""
        if self._is_over:
            return True
        if monotonic() < self._deadline:
            return False
        if self._hold_ends:
            detail, because = f"The lease of {self._name} reached the end of its maximal hold.", "max_hold"
        else:
            detail = f"The lease of {self._name} was not renewed before its deadline, so it counts as lost."
            because = "expired"
        self._lose(lease_lost(detail, self.lock_id, because))
        return True

    def _extend(
        self, sent: float, served_ms: int, expires_in_ms: int, hold_ends: bool, waiters: Waiters | None
    ) -> None:
        """After a renewal."""
        with self._gate:
            # Both deadlines are certain, so the later one holds: answers may overtake each other.
            self._deadline = max(self._deadline, lease_deadline(sent, served_ms, expires_in_ms))
            self._hold_ends = hold_ends
            self.waiters = waiters or self.waiters
            self._plan_renewal(sent)

    def _lose(self, problem: Problem) -> None:
        """It is over, and not by our own wish."""
        with self._gate:
            if self._is_over:
                return
            self._standing, self._loss = _Standing.LOST, as_loss(problem, self.lock_id)
            functions, self._listeners = self._listeners, []
        self.lost.set()
        self._renewals.remove(self)
        for function in functions:
            function()

    def _abandon(self) -> None:
        """In a forked process the lease is the parent's."""
        self._gate = threading.Lock()
        if self._standing is _Standing.HELD:
            self._standing, self._was_handed_on = _Standing.HANDED_ON, True

    def _plan_renewal(self, since: float) -> None:
        """A third of the time to live, up to a tenth earlier so that leases of one moment spread."""
        self._renew_at = since + self._renew_every * (1 - random.random() / 10)

    @property
    def _path(self) -> str:
        return f"/v1/locks/{escape(self.lock_id)}"

    def _gone(self, problem: Problem) -> LeaseLostError:
        """The service says that it is over, whatever this side knew."""
        self._lose(problem)
        return LeaseLostError(as_loss(problem, self.lock_id))

    def _end(self) -> None:
        with self._gate:
            if self._standing is not _Standing.LOST:
                self._standing = _Standing.RELEASED
        self._renewals.remove(self)

    def _drop_progress(self, sent: str | None) -> None:
        """Unless a newer one has taken its place."""
        with self._gate:
            if self._progress == sent:
                self._progress = None


def means_loss(problem: Problem) -> bool:
    """After these answers the lease is not ours any more."""
    return problem.code in ("lease_lost", "lock_unknown", "lock_ended", "token_mismatch")
