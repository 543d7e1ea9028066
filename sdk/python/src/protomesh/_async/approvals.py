"""Asks people, waits for them, and decides for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .._answers.approvals import Approval, ApprovalPage, StandingGrant, StandingGrantPage
from .._clock import monotonic
from .._errors import UnavailableError
from .._requests import drop_none, to_ms
from .locks import pages
from .runtime import Stream, before_waiting, pause
from .transport import Call, Sender, escape, get, post

# For how long the service holds one call open while nobody has decided.
_SLICE: Final = 20.0
_SHORTEST_ROUND: Final = 0.25
# For the answer to the last call of a wait.
_GRACE: Final = 2.0


class Approvals:
    """``mesh.approvals``. While the service is open, ``approver`` says who decides; with keys on, the key does."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def request(
        self,
        action: str,
        resource: str | None = None,
        *,
        resources: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        reason: str | None = None,
        agent_id: str | None = None,
        namespace: str | None = None,
    ) -> Approval:
        """Asks for an action before it is tried; while it is pending, the same request is the same approval. A check, a
        lock request or a guard that needs an approval asks by itself.

        Raises ConflictError with the code ``approval_not_needed``, and PolicyDeniedError.
        """
        body = self._body(
            namespace,
            agent_id=agent_id or self._sender.settings.agent_id,
            action=action,
            resource=resource,
            resources=None if resources is None else list(resources),
            metadata=None if metadata is None else dict(metadata),
            run_id=run_id,
            reason=reason,
        )
        return await self._sender.ask(Approval, post("/v1/approvals", body))

    async def get(self, approval_id: str) -> Approval:
        """An approval in any state. Raises NotFoundError."""
        return await self._sender.ask(Approval, get(_path(approval_id)))

    async def wait(self, approval_id: str, timeout: float = 3600.0) -> Approval:
        """The approval once it is decided or ended, or as it is, ``pending``, after ``timeout`` seconds. The service may
        be away meanwhile; UnavailableError is raised when it never answered. Hold no lock while people think."""
        if timeout > 0:
            before_waiting("await mesh.approvals.wait(...)")
        ends = monotonic() + timeout
        seen: Approval | None = None
        while True:
            left = ends - monotonic()
            if seen is not None and left <= 0:
                return seen
            sent = monotonic()
            hold = None if timeout <= 0 else max(0.0, min(left, _SLICE))
            call = Call("GET", _path(approval_id), hold=hold, until=None if timeout <= 0 else ends + _GRACE)
            try:
                seen = await self._sender.ask(Approval, call)
            except UnavailableError as failure:
                if seen is None or not failure.retryable:
                    raise
                return seen
            if seen.state != "pending":
                return seen
            # A service that answers early, as when it shuts down, would otherwise be called in a tight loop.
            took = monotonic() - sent
            if took < _SHORTEST_ROUND:
                await pause(max(0.0, min(_SHORTEST_ROUND - took, ends - monotonic())))

    async def list(
        self,
        *,
        state: str | None = None,
        agent_id: str | None = None,
        group: str | None = None,
        action: str | None = None,
        namespace: str | None = None,
        limit: int | None = None,
    ) -> Stream[Approval]:
        """Approvals, the newest first, page by page as they are read; ``limit`` is the size of a page."""
        query = self._body(namespace, state=state, agent_id=agent_id, group=group, action=action, limit=limit)
        async for page in pages(self._sender, ApprovalPage, "/v1/approvals", query):
            for one in page.approvals:
                yield one

    async def approve(
        self,
        approval_id: str,
        *,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        digest: str | None = None,
        valid: float | None = None,
        approver: str | None = None,
    ) -> Approval:
        """Says yes. With ``metadata`` only to the action with these; for ``valid`` seconds, an hour by default. ``digest``
        is that of the approval as it was read: required once somebody else has edited it.

        Raises ConflictError with the code ``approval_closed``, and UnauthorizedError with ``not_an_approver``.
        """
        body = drop_none(
            comment=comment,
            metadata=None if metadata is None else dict(metadata),
            digest=digest,
            valid_ms=to_ms(valid),
            approver=approver,
        )
        return await self._decide(approval_id, "approve", body)

    async def deny(self, approval_id: str, *, comment: str | None = None, approver: str | None = None) -> Approval:
        """Says no, which ends it. Errors as in ``approve``."""
        return await self._decide(approval_id, "deny", drop_none(comment=comment, approver=approver))

    async def cancel(self, approval_id: str) -> Approval:
        """Withdraws the question; for whoever asked it."""
        return await self._decide(approval_id, "cancel", {})

    async def revoke(self, approval_id: str, *, comment: str | None = None, approver: str | None = None) -> Approval:
        """Takes a yes back that was not used yet."""
        return await self._decide(approval_id, "revoke", drop_none(comment=comment, approver=approver))

    async def grant(
        self,
        group: str,
        action: str,
        resource: str | None = None,
        *,
        expires_in: float,
        uses: int,
        agent_id: str | None = None,
        condition: str | None = None,
        comment: str | None = None,
        approver: str | None = None,
        namespace: str | None = None,
    ) -> StandingGrant:
        """A standing yes, for at most 7 days and a number of uses; ``condition`` is CEL, as in a rule.

        It is sent once, since a second one would be a second grant: after UnavailableError look at ``grants`` first.
        """
        body = self._body(
            namespace,
            group=group,
            agent_id=agent_id,
            action=action,
            resource=resource,
            condition=condition,
            expires_in_ms=to_ms(expires_in),
            uses=uses,
            comment=comment,
            approver=approver,
        )
        return await self._sender.ask(StandingGrant, post("/v1/approvals/grants", body, once=True))

    async def grants(self, *, namespace: str | None = None, limit: int | None = None) -> Stream[StandingGrant]:
        """Standing grants, page by page as they are read."""
        query = self._body(namespace, limit=limit)
        async for page in pages(self._sender, StandingGrantPage, "/v1/approvals/grants", query):
            for one in page.grants:
                yield one

    async def revoke_grant(
        self, grant_id: str, *, comment: str | None = None, approver: str | None = None
    ) -> StandingGrant:
        """Ends a standing grant. Raises NotFoundError."""
        body = drop_none(comment=comment, approver=approver)
        return await self._sender.ask(StandingGrant, post(f"/v1/approvals/grants/{escape(grant_id)}/revoke", body))

    async def _decide(self, approval_id: str, how: str, body: Mapping[str, Any]) -> Approval:
        return await self._sender.ask(Approval, post(f"{_path(approval_id)}/{how}", body))

    def _body(self, namespace: str | None, **fields: Any) -> dict[str, Any]:
        return drop_none(namespace=namespace or self._sender.settings.namespace, **fields)


def _path(approval_id: str) -> str:
    return f"/v1/approvals/{escape(approval_id)}"
