# Made by scripts/generate_sync.py from _async/guard.py: change that file.
"""Policy check, approval, lock and budget in one step, with a refusal as a value."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Final, Literal

from .._answers.budgets import BudgetObligation
from .._answers.policies import PolicyApproval, PolicyDecision, PolicyObligations
from .._clock import monotonic
from .._denial import Denial
from .._errors import (
    ApprovalRequiredError,
    ConflictError,
    MeshError,
    UnavailableError,
    ValidationError,
)
from .._problems import denied
from .._requests import LeaseRequest, ResourceArgument, TokenUsage
from .._spending import Spending
from .._text import lost_text
from .lease import SyncLease
from .locks import Entry, Locks, leave, note_of
from .policies import Policies
from .runtime import Scope, answered, before_waiting, call_back, shielded
from .transport import Sender

#: What becomes of the body when the service cannot be reached.
OnUnavailable = Literal["closed", "open"]
#: What becomes of the guard when people have to approve.
OnApproval = Literal["raise", "wait"]

# The body is over: what cannot be told in this time is logged.
_SETTLE_LIMIT: Final = 5.0
_GIVE_BACK_LIMIT: Final = 3.0
# A policy that is changed to and fro meanwhile must not keep a guard asking for ever.
_MOST_ROUNDS: Final = 10

_log = logging.getLogger("protomesh")


class SyncGuard:
    """What a guard found: ``granted``, or a ``denial``."""

    def __init__(
        self,
        action: str,
        *,
        lease: SyncLease | None = None,
        decision: PolicyDecision | None = None,
        denial: Denial | None = None,
        unprotected: bool = False,
        approval_id: str | None = None,
        reservations: tuple[BudgetObligation, ...] = (),
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
        #: The approval that was used, or that a denial waits for.
        self.approval_id = approval_id
        #: What was reserved in budgets, one for each rule that asked for it.
        self.reservations = reservations
        self._spending = Spending(reservations)
        #: An integration that was let in and does nothing says so.
        self._has_begun = True

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

    def spent(
        self,
        actual: int | None = None,
        *,
        usage: TokenUsage | Mapping[str, Any] | None = None,
        reservation_id: str | None = None,
    ) -> None:
        """Says what it did cost, in whole numbers of the budget's unit, or as the ``usage`` of a model. It is recorded
        when the body ends, and the last word counts; what nobody says anything of counts in full, so say ``spent(0)`` when
        nothing was spent. ``reservation_id`` says of which of several ``reservations``; without it, of each."""
        self._spending.note(actual, usage, reservation_id)


class GuardScope:
    """``with mesh.guard(...)``. Every error of the service, or of the way to it, becomes a denial; only the caller's
    own cancellation passes. A loss while the body runs is raised as LeaseLostError when it ends."""

    def __init__(
        self,
        sender: Sender,
        locks: Locks,
        policies: Policies,
        action: str,
        resource: ResourceArgument | None,
        metadata: Mapping[str, Any] | None,
        request: LeaseRequest,
        *,
        on_unavailable: OnUnavailable,
        on_approval: OnApproval,
        approval_timeout: float,
        on_waiting: Callable[..., Any] | None,
        lease: SyncLease | None,
        fencing_token: int | None,
    ) -> None:
        if on_unavailable not in ("closed", "open"):
            raise ValueError('on_unavailable is "closed" or "open".')
        if on_approval not in ("raise", "wait"):
            raise ValueError('on_approval is "raise" or "wait".')
        self._sender = sender
        self._locks = locks
        self._policies = policies
        self._action = action
        self._resource = resource
        self._request = replace(request, action=action, metadata=metadata)
        self._is_open = on_unavailable == "open"
        self._waits = on_approval == "wait"
        self._approval_timeout = approval_timeout
        self._on_waiting = on_waiting
        self._shown = {"lease": lease, "fencing_token": fencing_token}
        self._namespace = request.namespace or (None if lease is None else lease.grant.namespace)
        self._guard: SyncGuard | None = None
        self._scope = Scope()
        self._entry = Entry()

    def __enter__(self) -> SyncGuard:
        if self._waits or (self._resource is not None and self._request.wait > 0):
            before_waiting("async with mesh.guard(...)")
        with self._entry.begin("mesh.guard(...)"):
            self._guard = None
            # Nothing waits between the grant and the body, so no cancellation can come between them.
            self._guard = guard = self._enter()
        if guard.lease is not None:
            self._scope = Scope()
            self._scope.enter()
            guard.lease._when_lost(self._scope.lose)
        return guard

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        guard = self._guard
        assert guard is not None
        try:
            settle = self._settle if guard.reservations else None
            if guard.lease is not None:
                leave(self._scope, guard.lease, kind, fault, note_of(kind, self._action), settle)
            elif settle is not None:
                shielded(settle)
        finally:
            self._entry.end()

    def _enter(self) -> SyncGuard:
        request = self._request
        is_open, ends = self._is_open, monotonic() + self._approval_timeout
        last: MeshError | None = None
        try:
            for _ in range(_MOST_ROUNDS):
                try:
                    return self._ask(request)
                except ConflictError as refusal:
                    if refusal.code != "approval_not_needed" or request.approval_id is None:
                        raise
                    request = replace(request, approval_id=None)
                except ApprovalRequiredError as refusal:
                    # What people have to agree to is not done without them because the service has gone meanwhile.
                    is_open, last = False, refusal
                    asked = _approval_of(refusal)
                    if asked is None or not self._is_decided(asked, request.approval_id, ends):
                        raise
                    request = replace(request, approval_id=asked.approval_id)
            assert last is not None
            raise last
        except UnavailableError as failure:
            # A client that was closed is no service that is away.
            if not is_open or not failure.retryable:
                return self._refused(failure)
            _log.warning("%s runs without protection, since the service is away: %s", self._action, failure.message)
            return SyncGuard(self._action, unprotected=True)
        except MeshError as refusal:
            return self._refused(refusal)

    def _refused(self, refusal: MeshError) -> SyncGuard:
        denial = Denial.of(self._action, refusal)
        asked = denial.approval
        return SyncGuard(
            self._action,
            decision=denial.decision,
            denial=denial,
            approval_id=None if asked is None else asked.approval_id,
        )

    def _is_decided(self, asked: PolicyApproval, used: str | None, ends: float) -> bool:
        """Whether to ask again with this approval: what people said, the service tells. Nothing is held meanwhile."""
        assert asked.approval_id is not None
        if asked.state == "approved":
            return used != asked.approval_id
        if not self._waits or monotonic() >= ends:
            return False
        from .approvals import Approvals

        approvals = Approvals(self._sender)
        if self._on_waiting is not None and used != asked.approval_id:
            approval = approvals.get(asked.approval_id)
            if approval.state == "pending":
                call_back(self._on_waiting, approval)
        approval = approvals.wait(asked.approval_id, max(0.0, ends - monotonic()))
        return approval.state != "pending"

    def _ask(self, request: LeaseRequest) -> SyncGuard:
        if self._resource is not None:
            lease = self._locks._run(self._resource, request)
            obligations = None if lease.decision is None else lease.decision.obligations
            return self._granted(request, obligations, lease=lease)
        decision = answered(partial(self._check, request), self._give_back, _GIVE_BACK_LIMIT)
        if not decision.allowed:
            raise denied(decision)
        return self._granted(request, decision.obligations, decision=decision)

    def _granted(self, request: LeaseRequest, obligations: PolicyObligations | None, **more: Any) -> SyncGuard:
        used = request.approval_id
        if obligations is not None and obligations.approval is not None:
            used = obligations.approval.approval_id or used
        reservations = () if obligations is None else obligations.budget or ()
        return SyncGuard(self._action, approval_id=used, reservations=reservations, **more)

    def _check(self, request: LeaseRequest) -> PolicyDecision:
        return self._policies.check(
            self._action,
            metadata=request.metadata,
            agent_id=request.agent_id,
            request_id=request.request_id,
            namespace=request.namespace,
            run_id=request.run_id,
            approval_id=request.approval_id,
            **self._shown,  # type: ignore[arg-type]
        )

    def _give_back(self, decision: PolicyDecision) -> None:
        """The caller left while the answer was on its way."""
        until = monotonic() + _GIVE_BACK_LIMIT
        for held in () if decision.obligations is None else decision.obligations.budget or ():
            self._end("release", held, self._namespace, {}, until)

    def _settle(self) -> None:
        """Records what it did cost. No refusal is raised, since the body has its own end; what could not be recorded is
        logged with all that is needed to do so."""
        guard = self._guard
        assert guard is not None
        namespace = self._namespace if guard.lease is None else guard.lease.grant.namespace
        until = monotonic() + _SETTLE_LIMIT
        for held in guard.reservations:
            if not guard._has_begun:
                self._end("release", held, namespace, {}, until)
                continue
            told = guard._spending.told(held)
            whole = {"actual": held.amount}
            fault = self._end("commit", held, namespace, whole if told is None else told, until)
            if told is not None and isinstance(fault, ValidationError):
                # What it did cost cannot be understood, so all of it counts.
                self._end("commit", held, namespace, whole, until)

    def _end(
        self, how: str, held: BudgetObligation, namespace: str | None, body: Mapping[str, Any], until: float
    ) -> MeshError | None:
        """Why not; a body that has settled it by itself is no failure."""
        from .budgets import Budgets

        try:
            Budgets(self._sender)._end(how, held.reservation_id or "", namespace, body, until)
        except ConflictError:
            return None
        except MeshError as fault:
            _log.warning(
                "%s: the reservation %s of %d %s could not be settled (%s %s): %s",
                *(self._action, held.reservation_id, held.amount, held.unit, how, dict(body), fault.message),
            )
            return fault
        return None


def _approval_of(refusal: ApprovalRequiredError) -> PolicyApproval | None:
    """The one that was opened, if one was."""
    approval = None if refusal.decision is None else refusal.decision.approval
    return approval if approval is not None and approval.approval_id is not None else None
