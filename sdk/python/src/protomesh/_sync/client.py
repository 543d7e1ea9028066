# Made by scripts/generate_sync.py from _async/client.py: change that file.
"""The client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._answers.health import HealthReport
from .._problems import origin
from .._requests import GuardOptions, LeaseOptions, LeaseRequest, ResourceArgument
from .._settings import Settings
from .._ticket import Ticket
from .events import Events
from .fences import Fences
from .guard import GuardScope, OnApproval, OnUnavailable
from .lease import SyncLease
from .locks import Locks, LockScope
from .policies import Policies
from .renewals import Renewals
from .runtime import Http
from .transport import Call, Sender

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Unpack

    from .approvals import Approvals
    from .budgets import Budgets
    from .keys import Keys


_log = logging.getLogger("protomesh")


class SyncProtoMesh:
    """One connection to a ProtoMesh service; a process needs one. It renews every lease that was acquired through it."""

    def __init__(
        self,
        base_urls: str | Sequence[str] | None = None,
        *,
        api_key: str | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        namespace: str | None = None,
        http_client: httpx.Client | None = None,
        attempt_timeout: float = 5.0,
        retry_for: float = 5.0,
    ) -> None:
        """Connects nowhere yet: the first call does.

        base_urls: where replicas of one service listen; the client stays with one and moves on when it fails.
            PROTOMESH_URL (separated by commas), else http://localhost:8000.
            They hold no user name or password.
        api_key: PROTOMESH_API_KEY. Printable ASCII without spaces.
        agent_id: who asks, 1-128 bytes. PROTOMESH_AGENT_ID, else host, process id and a random part.
        session_id: which run of the agent asks.
        namespace: of every resource that does not say otherwise; the service's default.
        http_client: sends the requests, and is not closed with this client. By default the client has its own.
        attempt_timeout: how many seconds an attempt may take beyond the time for which the service was asked to hold it.
        retry_for: for how many seconds a call that waits in no queue is retried while the service cannot be reached. Zero
            tries once.
        """
        self._settings = Settings.of(base_urls, api_key, agent_id, session_id, namespace, attempt_timeout, retry_for)
        self._http = Http(http_client)
        self._sender = Sender(self._settings, self._http)
        self._renewals = Renewals(self._sender)
        #: Acquire, look at and steer leases.
        self.locks = Locks(self._sender, self._renewals)
        #: Ask whether an action may be done, and keep the documents that decide it.
        self.policies = Policies(self._sender)
        #: Check fencing tokens for a resource that cannot compare them itself.
        self.fences = Fences(self._sender)
        #: Follow what happens.
        self.events = Events(self._sender)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.agent_id} at {', '.join(map(origin, self._settings.base_urls))}>"

    @property
    def agent_id(self) -> str:
        """Who this client speaks for unless a call says otherwise."""
        return self._settings.agent_id

    @property
    def held(self) -> tuple[SyncLease, ...]:
        """The leases that this client still holds; those handed on as tickets are not among them."""
        return tuple(self._renewals.held())

    # These rooms are loaded when they are entered, since an import should cost little and most programs enter none.

    @property
    def budgets(self) -> Budgets:
        """Reserve what something may cost, and record what it did."""
        from .budgets import Budgets

        return Budgets(self._sender)

    @property
    def approvals(self) -> Approvals:
        """Ask people, wait for them, and decide for them."""
        from .approvals import Approvals

        return Approvals(self._sender)

    @property
    def keys(self) -> Keys:
        """Make, rotate and revoke keys."""
        from .keys import Keys

        return Keys(self._sender)

    def lock(self, resource: ResourceArgument, **options: Unpack[LeaseOptions]) -> LockScope:
        """``with mesh.lock("customer/123", wait=30) as lease:`` holds a lease while the body runs. When the lease is
        lost meanwhile, LeaseLostError is raised when
        the body ends; ``lease.lost`` is set at once. Options and errors as in ``locks.acquire``."""
        return LockScope(self.locks, resource, LeaseRequest.of(options))

    def guard(
        self,
        action: str,
        resource: ResourceArgument | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        on_unavailable: OnUnavailable = "closed",
        on_approval: OnApproval = "raise",
        approval_timeout: float = 3600.0,
        on_waiting: Callable[..., Any] | None = None,
        lease: SyncLease | None = None,
        fencing_token: int | None = None,
        **options: Unpack[GuardOptions],
    ) -> GuardScope:
        """``with mesh.guard("refund", "customer/123", metadata={...}) as guard:`` asks the policy and, if a resource
        is named, takes its lock in the same request. ``guard.granted`` says whether the body may do it; a refusal is a
        value, with ``guard.text`` for a model. ``on_unavailable="open"`` lets the body run without protection when the
        service cannot be reached. Without a resource, ``lease`` or ``fencing_token`` is shown to the policy.

        When people have to approve, the guard is denied and ``guard.denial.approval`` says who; with
        ``on_approval="wait"`` it waits up to ``approval_timeout`` seconds, holding nothing, and ``on_waiting`` is called
        with the approval. What is approved already, or named by ``approval_id``, is used.

        What the policy reserved in budgets is ``guard.reservations``. Say in the body what it did cost with
        ``guard.spent``; what nobody says anything of counts in full."""
        return GuardScope(
            self._sender,
            self.locks,
            self.policies,
            action,
            resource,
            metadata,
            LeaseRequest.of(options),
            on_unavailable=on_unavailable,
            on_approval=on_approval,
            approval_timeout=approval_timeout,
            on_waiting=on_waiting,
            lease=lease,
            fencing_token=fencing_token,
        )

    def attach(self, ticket: Ticket | Mapping[str, Any] | str) -> SyncLease:
        """Takes up a lease that another process gave on with ``lease.ticket()``. Raises LeaseLostError when it has ended
        or its token moved."""
        return self.locks._attach(Ticket.of(ticket))

    def health(self) -> HealthReport:
        """How the service does; ``unhealthy`` is an answer too."""
        return self._sender.ask(HealthReport, Call("GET", "/health", also=503))

    def close(self) -> None:
        """Ends the renewals. Leases that are still held are not released, since their work may be half done: they are lost
        at their deadline and the next holder reads ``expired``."""
        held = self.held
        if held:
            _log.warning(
                "Closed while holding %s; each ends at its deadline, for its work may be half done.",
                ", ".join(lease._name for lease in held),
            )
        self._renewals.close()
        self._http.close()

    def __enter__(self) -> SyncProtoMesh:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
