# Made by scripts/generate_sync.py from _async/locks.py: change that file.
"""Acquires leases, and looks at and steers those of everyone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from .._answers.base import Answer
from .._answers.events import EventPage, MeshEvent
from .._answers.locks import (
    DryRunVerdict,
    Explanation,
    ForceReleased,
    GrantedLock,
    LockPage,
    ObservedLock,
    QueuedLock,
    QueuePage,
    ReleasedLock,
    RenewedLock,
    ResourcePage,
    ResourceSummary,
)
from .._errors import LeaseLostError, LockHeldError, MeshError
from .._problems import as_loss
from .._requests import LeaseOptions, LeaseRequest, ResourceArgument, drop_none
from .._ticket import Ticket
from .acquisition import Acquisition
from .lease import SyncLease, means_loss
from .renewals import Renewals
from .runtime import Scope, Stream, before_waiting, is_cancellation, shielded
from .transport import Sender, escape, get, post

if TYPE_CHECKING:
    from typing_extensions import Unpack

_P = TypeVar("_P", bound=Answer)


class Locks:
    """``mesh.locks``."""

    def __init__(self, sender: Sender, renewals: Renewals) -> None:
        self._sender = sender
        self._renewals = renewals

    def acquire(self, resource: ResourceArgument, **options: Unpack[LeaseOptions]) -> SyncLease:
        """Waits in the queue for a resource, or for several that are granted together, and holds the lease until it is
        released: use it as a context manager, or call ``release``.

        Raises LockTimeoutError, LockHeldError (with ``wait=0``), PolicyDeniedError, QueueFullError, ValidationError and
        UnavailableError.
        """
        request = LeaseRequest.of(options)
        if request.wait > 0:
            before_waiting("await mesh.locks.acquire(...)")
        return self._run(resource, request)

    def try_acquire(self, resource: ResourceArgument, **options: Unpack[LeaseOptions]) -> SyncLease | None:
        """The lease if everything is free now and nobody waits for it, else None."""
        try:
            return self._run(resource, LeaseRequest.of(options).trying())
        except LockHeldError:
            return None

    def dry_run(self, resource: ResourceArgument, **options: Unpack[LeaseOptions]) -> DryRunVerdict:
        """What would become of the request now, without the effect."""
        body = LeaseRequest.of(options).body(resource, self._sender.settings)
        return self._sender.ask(DryRunVerdict, post("/v1/locks?dry_run=true", body))

    def get(self, lock_id: str) -> ObservedLock:
        """A request in any state, without effect on it. Raises NotFoundError."""
        return self._sender.ask(ObservedLock, get(f"/v1/locks/{escape(lock_id)}"))

    def explain(self, lock_id: str) -> Explanation:
        """Why does it wait, and what would help? Raises NotFoundError."""
        return self._sender.ask(Explanation, get(f"/v1/locks/{escape(lock_id)}/explain"))

    def list(
        self,
        *,
        state: str | None = None,
        agent_id: str | None = None,
        type: str | None = None,
        namespace: str | None = None,
        limit: int | None = None,
    ) -> Stream[ObservedLock]:
        """Live requests, page by page as they are read; ``limit`` is the size of a page."""
        query = self._query(namespace, state=state, agent_id=agent_id, type=type, limit=limit)
        for page in pages(self._sender, LockPage, "/v1/locks", query):
            for one in page.locks:
                yield one

    def queue(
        self, resource: str, *, namespace: str | None = None, page_token: str | None = None, limit: int | None = None
    ) -> QueuePage:
        """Who holds a resource and who waits for it, the next first."""
        query = self._query(namespace, resource=resource, page_token=page_token, limit=limit)
        return self._sender.ask(QueuePage, get("/v1/resources/queue", query))

    def resources(self, *, namespace: str | None = None, limit: int | None = None) -> Stream[ResourceSummary]:
        """Resources that are held or waited for, the most contended first, page by page as they are read."""
        query = self._query(namespace, order_by="contention", limit=limit)
        for page in pages(self._sender, ResourcePage, "/v1/resources", query):
            for one in page.resources:
                yield one

    def history(
        self, resource: str, *, namespace: str | None = None, limit: int | None = None
    ) -> Stream[MeshEvent]:
        """What happened to a resource, the newest first, page by page as it is read."""
        query = self._query(namespace, resource=resource, limit=limit)
        for page in pages(self._sender, EventPage, "/v1/resources/history", query):
            for one in page.events:
                yield one

    def cancel(self, lock_id: str) -> ReleasedLock:
        """Takes a request out of the queue, or releases it if it was granted in the meantime."""
        return self._sender.ask(ReleasedLock, post(f"/v1/locks/{escape(lock_id)}/cancel"))

    def cancel_request(self, request_id: str, resource: str, *, namespace: str | None = None) -> ReleasedLock:
        """The same for a request of which only the caller's own id is known; any of its resources finds it."""
        body = self._query(namespace, request_id=request_id, resource=resource)
        return self._sender.ask(ReleasedLock, post("/v1/locks/cancel", body))

    def reprioritize(self, lock_id: str, priority: int) -> QueuedLock:
        """Gives a waiter another priority, 0-9. Raises LockConflictError when it does not wait."""
        return self._sender.ask(
            QueuedLock, post(f"/v1/locks/{escape(lock_id)}/reprioritize", {"priority": priority})
        )

    def force_release(
        self, resource: str, reason: str, *, immediate: bool = False, namespace: str | None = None
    ) -> ForceReleased:
        """Ends the lease of whoever holds a resource. It is granted again after the last deadline that its holder was
        told, or at once with ``immediate``. ``reason`` is kept in the journal.

        It is sent once, since a second one would end the lease of whoever came next: after UnavailableError look at
        ``queue`` first.
        """
        body = self._query(namespace, resource=resource, reason=reason, immediate=immediate or None)
        return self._sender.ask(ForceReleased, post("/v1/resources/force-release", body, once=True))

    # What follows is for the client itself.

    def _run(self, resource: ResourceArgument, request: LeaseRequest) -> SyncLease:
        """One acquisition. Between its grant and its return nothing waits, so no cancellation can lose the lease."""
        body = request.body(resource, self._sender.settings)
        grant, sent = Acquisition(self._sender, body, request).run()
        return SyncLease(
            self._sender, self._renewals, grant, sent, ttl_ms=body.get("ttl_ms"), auto_renew=request.auto_renew
        )

    def _attach(self, ticket: Ticket) -> SyncLease:
        """Takes a lease up, which is renewed at once."""
        body = {"fencing_token": ticket.fencing_token, "ttl_ms": ticket.ttl_ms}
        try:
            reply = self._sender.send(post(f"/v1/locks/{escape(ticket.lock_id)}/renew", body))
        except MeshError as refusal:
            if means_loss(refusal.problem):
                raise LeaseLostError(as_loss(refusal.problem, ticket.lock_id)) from None
            raise
        renewed = self._sender.read(RenewedLock, reply)
        grant = GrantedLock(
            lock_id=ticket.lock_id,
            request_id=ticket.request_id,
            namespace=ticket.namespace,
            resource=ticket.resource,
            resources=ticket.resources,
            mode=ticket.mode,
            agent_id=ticket.agent_id,
            session_id=ticket.session_id,
            fencing_token=ticket.fencing_token,
            expires_at=renewed.expires_at,
            expires_in_ms=renewed.expires_in_ms,
            served_ms=renewed.served_ms,
            hold_ends_at=renewed.hold_ends_at,
        )
        lease = SyncLease(self._sender, self._renewals, grant, reply.sent, ttl_ms=ticket.ttl_ms, auto_renew=True)
        lease.waiters = renewed.waiters
        return lease

    def _query(self, namespace: str | None, **fields: Any) -> dict[str, Any]:
        return drop_none(namespace=namespace or self._sender.settings.namespace, **fields)


class Entry:
    """One body at a time: of two, the first one's lease would be forgotten and renewed for nobody."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._is_taken = False

    @contextmanager
    def begin(self, what: str) -> Iterator[None]:
        """Stays taken unless the way in fails."""
        with self._gate:
            if self._is_taken:
                raise RuntimeError(f"This {what} has a body already. Make one for each body.")
            self._is_taken = True
        try:
            yield
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """The body has ended."""
        self._is_taken = False


class LockScope:
    """``with mesh.lock(...)``: a lease that lasts as long as the body."""

    def __init__(self, locks: Locks, resource: ResourceArgument, request: LeaseRequest) -> None:
        self._locks = locks
        self._resource = resource
        self._request = request
        self._lease: SyncLease | None = None
        self._scope = Scope()
        self._entry = Entry()

    def __enter__(self) -> SyncLease:
        if self._request.wait > 0:
            before_waiting("async with mesh.lock(...)")
        with self._entry.begin("mesh.lock(...)"):
            self._lease = lease = self._locks._run(self._resource, self._request)
        self._scope = Scope()
        self._scope.enter()
        lease._when_lost(self._scope.lose)
        return lease

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lease is not None
        try:
            leave(self._scope, self._lease, kind, fault, note_of(kind, "The body"))
        finally:
            self._entry.end()


def leave(
    scope: Scope,
    lease: SyncLease,
    kind: type[BaseException] | None,
    fault: BaseException | None,
    note: str | None,
    settle: Callable[[], Any] | None = None,
) -> None:
    """Settles and releases after a body. A loss while it ran is raised, unless the body has another failure of its own."""
    was_ours = scope.leave(kind)
    try:
        if settle is not None:
            shielded(settle)
    finally:
        lease._close(note)
    if (was_ours or kind is None) and (loss := lease._find_loss()) is not None:
        raise loss from fault


def note_of(kind: type[BaseException] | None, what: str) -> str | None:
    """What the next holder should know of a body that did not end well."""
    if kind is None:
        return None
    return f"{what} was cancelled" if is_cancellation(kind) else f"{what} failed: {kind.__name__}"


def pages(sender: Sender, answer: type[_P], path: str, query: Mapping[str, Any]) -> Stream[_P]:
    """Page after page."""
    token: str | None = None
    while True:
        page = sender.ask(answer, get(path, {**query, "page_token": token}))
        yield page
        token = getattr(page, "next_page_token", None)
        if token is None:
            return
