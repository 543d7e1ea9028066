"""Policy check and lock in one step, with a refusal as a value."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal

from .._answers.policies import PolicyDecision
from .._denial import Denial
from .._errors import MeshError, UnavailableError
from .._problems import denied
from .._requests import LeaseRequest, ResourceArgument
from .._text import lost_text
from .lease import Lease
from .locks import Entry, Locks, leave, note_of
from .policies import Policies
from .runtime import Scope, before_waiting

#: What becomes of the body when the service cannot be reached.
OnUnavailable = Literal["closed", "open"]

_log = logging.getLogger("protomesh")


class Guard:
    """What a guard found: ``granted``, or a ``denial``."""

    def __init__(
        self,
        action: str,
        *,
        lease: Lease | None = None,
        decision: PolicyDecision | None = None,
        denial: Denial | None = None,
        unprotected: bool = False,
    ) -> None:
        #: What is to be done.
        self.action = action
        #: The lease; None without a resource, after a denial and when unprotected.
        self.lease = lease
        #: The whole decision, without a resource and after a denial; what allowed a lease is ``lease.decision``.
        self.decision = decision
        #: Why not; None when granted.
        self.denial = denial
        #: True when the service could not be reached and ``on_unavailable="open"`` let the body run without it.
        self.unprotected = unprotected

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.action} {'granted' if self.granted else self.text}>"

    @property
    def granted(self) -> bool:
        """Whether the body may do it."""
        return self.denial is None

    @property
    def text(self) -> str | None:
        """What a model reads in place of the action's result: why it was not done, or that it may be half done since its
        lease was lost. None while all is well."""
        if self.denial is not None:
            return self.denial.text
        loss = None if self.lease is None else self.lease._find_loss()
        return None if loss is None else lost_text(self.action, loss.problem)


class GuardScope:
    """``async with mesh.guard(...)``. Every error of the service, or of the way to it, becomes a denial; only the caller's
    own cancellation passes. A loss while the body runs cancels the body and is raised as LeaseLostError."""

    def __init__(
        self,
        locks: Locks,
        policies: Policies,
        action: str,
        resource: ResourceArgument | None,
        metadata: Mapping[str, Any] | None,
        request: LeaseRequest,
        on_unavailable: OnUnavailable,
        lease: Lease | None,
        fencing_token: int | None,
    ) -> None:
        if on_unavailable not in ("closed", "open"):
            raise ValueError('on_unavailable is "closed" or "open".')
        self._locks = locks
        self._policies = policies
        self._action = action
        self._resource = resource
        self._request = replace(request, action=action, metadata=metadata)
        self._is_open = on_unavailable == "open"
        self._shown = {"lease": lease, "fencing_token": fencing_token}
        self._lease: Lease | None = None
        self._scope = Scope()
        self._entry = Entry()

    async def __aenter__(self) -> Guard:
        if self._resource is not None and self._request.wait > 0:
            before_waiting("async with mesh.guard(...)")
        with self._entry.begin("mesh.guard(...)"):
            self._lease = None
            guard = await self._enter()
        self._lease = guard.lease
        if guard.lease is not None:
            self._scope = Scope()
            self._scope.enter()
            guard.lease._when_lost(self._scope.lose)
        return guard

    async def _enter(self) -> Guard:
        try:
            return await self._ask()
        except UnavailableError as failure:
            # A client that was closed is no service that is away.
            if not self._is_open or not failure.retryable:
                return Guard(self._action, denial=Denial.of(self._action, failure))
            _log.warning("%s runs without protection, since the service is away: %s", self._action, failure.message)
            return Guard(self._action, unprotected=True)
        except MeshError as refusal:
            return Guard(self._action, decision=refusal.problem.decision, denial=Denial.of(self._action, refusal))

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._lease is not None:
                await leave(self._scope, self._lease, kind, fault, note_of(kind, self._action))
        finally:
            self._entry.end()

    async def _ask(self) -> Guard:
        if self._resource is not None:
            lease = await self._locks._run(self._resource, self._request)
            return Guard(self._action, lease=lease)
        request = self._request
        decision = await self._policies.check(
            self._action,
            metadata=request.metadata,
            agent_id=request.agent_id,
            request_id=request.request_id,
            namespace=request.namespace,
            **self._shown,  # type: ignore[arg-type]
        )
        if not decision.allowed:
            raise denied(decision)
        return Guard(self._action, decision=decision)
