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
from .lease import Lease
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

# async only
if TYPE_CHECKING:
    from .._sync.client import SyncProtoMesh
# end

_log = logging.getLogger("protomesh")


class ProtoMesh:
    """One connection to a ProtoMesh service; a process needs one. It renews every lease that was acquired through it."""

    def __init__(
        self,
        base_urls: str | Sequence[str] | None = None,
        *,
        api_key: str | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        namespace: str | None = None,
        http_client: httpx.AsyncClient | None = None,
        # async only
        sync_http_client: httpx.Client | None = None,
        # end
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
        # async only
        sync_http_client: the same for the twin that ``sync`` gives.
        # end
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
        # async only
        self._given = (http_client, sync_http_client)
        self._twin: SyncProtoMesh | None = None
        # end

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.agent_id} at {', '.join(map(origin, self._settings.base_urls))}>"

    @property
    def agent_id(self) -> str:
        """Who this client speaks for unless a call says otherwise."""
        return self._settings.agent_id

    @property
    def held(self) -> tuple[Lease, ...]:
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

    # async only
    @property
    def sync(self) -> SyncProtoMesh:
        """A twin for code that is not asynchronous, with the same settings; closed with this client. A client that was
        made with an ``http_client`` needs a ``sync_http_client`` for it."""
        if self._twin is None:
            http_client, sync_http_client = self._given
            if http_client is not None and sync_http_client is None:
                # One of our own would go another way: past the proxy, or with other certificates.
                raise RuntimeError(
                    "This client was made with an http_client, which only asynchronous code can use. "
                    "Give ProtoMesh a sync_http_client (httpx.Client) too, for its sync twin and for integrations that "
                    "run tools in threads."
                )
            from .._sync.client import SyncProtoMesh

            settings = self._settings
            self._twin = SyncProtoMesh(
                settings.base_urls,
                api_key=settings.api_key,
                agent_id=settings.agent_id,
                session_id=settings.session_id,
                namespace=settings.namespace,
                http_client=sync_http_client,
                attempt_timeout=settings.attempt_timeout,
                retry_for=settings.retry_for,
            )
        return self._twin

    # end
    def lock(self, resource: ResourceArgument, **options: Unpack[LeaseOptions]) -> LockScope:
        """``async with mesh.lock("customer/123", wait=30) as lease:`` holds a lease while the body runs. When the lease is
        lost meanwhile, the body is cancelled and LeaseLostError raised. Options and errors as in ``locks.acquire``."""
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
        lease: Lease | None = None,
        fencing_token: int | None = None,
        **options: Unpack[GuardOptions],
    ) -> GuardScope:
        """``async with mesh.guard("refund", "customer/123", metadata={...}) as guard:`` asks the policy and, if a resource
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

    async def attach(self, ticket: Ticket | Mapping[str, Any] | str) -> Lease:
        """Takes up a lease that another process gave on with ``lease.ticket()``. Raises LeaseLostError when it has ended
        or its token moved."""
        return await self.locks._attach(Ticket.of(ticket))

    async def health(self) -> HealthReport:
        """How the service does; ``unhealthy`` is an answer too."""
        return await self._sender.ask(HealthReport, Call("GET", "/health", also=503))

    async def close(self) -> None:
        """Ends the renewals. Leases that are still held are not released, since their work may be half done: they are lost
        at their deadline and the next holder reads ``expired``."""
        held = self.held
        if held:
            _log.warning(
                "Closed while holding %s; each ends at its deadline, for its work may be half done.",
                ", ".join(lease._name for lease in held),
            )
        # async only
        if self._twin is not None:
            self._twin.close()
        # end
        await self._renewals.close()
        await self._http.close()

    async def __aenter__(self) -> ProtoMesh:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()
