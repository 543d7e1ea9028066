"""Runs one call of a tool under what its rule asks for.

Each call is a request of its own, so two calls of one agent wait for each other like those of two agents. A refusal and a
loss are values: frameworks hide, repeat or die of what a tool throws. Only the caller's cancellation and the tool's own
errors pass.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar

from .._async.client import ProtoMesh
from .._async.guard import Guard
from .._async.lease import Lease
from .._clock import monotonic
from .._denial import Denial
from .._errors import LeaseLostError, MeshError
from .._requests import new_request_id
from .._sync.client import SyncProtoMesh
from .._sync.guard import SyncGuard
from .._sync.lease import SyncLease
from .refusals import Refusal
from .rules import CompiledRule, Plan, ToolCall
from .tasks import stop
from .templates import CannotTellError
from .waits import Waits

_T = TypeVar("_T")
_Pauses = tuple[type[BaseException], ...]
# Well below what anyone would set as the longest silence of a node.
_BEAT = 0.25
# How late a thread may hear that the run that it waits for people in has ended.
_TURN = 2.0

_log = logging.getLogger("protomesh")
_running: ContextVar[Guard | SyncGuard | None] = ContextVar("protomesh_running", default=None)
# Calls whose caller is gone while a thread of theirs still works.
_leftovers: set[asyncio.Task[object]] = set()


def current_guard() -> Guard | SyncGuard | None:
    """The guard of the calling tool: ``spent`` says what it did cost. None outside of a protected call."""
    return _running.get()


def current_lease() -> Lease | SyncLease | None:
    """The lease under which the calling tool runs, for its ``fencing_token`` and ``changed_since_last_held``. None outside
    of a protected call and where nothing is held."""
    guard = _running.get()
    return None if guard is None else guard.lease


async def run(
    mesh: ProtoMesh,
    rule: CompiledRule | None,
    call: ToolCall,
    body: Callable[[], Awaitable[_T]],
    *,
    pauses: _Pauses = (),
    in_thread: bool = False,
    beat: Callable[[], None] | None = None,
) -> _T | Refusal:
    """The body's result, or a refusal.

    pauses: what the framework raises in a tool to stop for a while. It is no failure; it goes on its way after the
        release, so that nothing is held while a person thinks.
    in_thread: the body runs in a thread, which no cancellation stops. Then the lease is kept until the thread ends.
    beat: is called often while the call waits in the queue.
    """
    return await run_plan(mesh, plan_of(rule, call), body, pauses=pauses, in_thread=in_thread, beat=beat)


async def run_plan(
    mesh: ProtoMesh,
    plan: Plan | Refusal | None,
    body: Callable[[], Awaitable[_T]],
    *,
    pauses: _Pauses = (),
    in_thread: bool = False,
    beat: Callable[[], None] | None = None,
) -> _T | Refusal:
    """The same with what the rule said."""
    if plan is None:
        return await body()
    if isinstance(plan, Refusal):
        return plan
    if not in_thread:
        return await _guarded(mesh, plan, body, pauses, beat, None)
    is_working = False

    def begin() -> None:
        nonlocal is_working
        is_working = True

    task = asyncio.ensure_future(_guarded(mesh, plan, body, pauses, beat, begin))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not is_working:
            await stop(task)
            _forget(task)
        elif not task.done():
            _leftovers.add(task)
            task.add_done_callback(_forget)
        raise


def run_sync(
    mesh: SyncProtoMesh,
    rule: CompiledRule | None,
    call: ToolCall,
    body: Callable[[SyncGuard], _T],
    *,
    asynchronous: str,
    pauses: _Pauses = (),
    waits: Waits | None = None,
) -> _T | Refusal:
    """The same for a thread. ``asynchronous`` names the call to use where an event loop runs, which must not be stopped."""
    refuse_on_loop(asynchronous)
    return run_plan_sync(mesh, plan_of(rule, call), call, body, pauses=pauses, waits=waits)


def run_plan_sync(
    mesh: SyncProtoMesh,
    plan: Plan | Refusal | None,
    call: ToolCall,
    body: Callable[[SyncGuard], _T],
    *,
    pauses: _Pauses = (),
    waits: Waits | None = None,
) -> _T | Refusal:
    """The same with what the rule said."""
    if plan is None:
        return body(SyncGuard(call.name))
    if isinstance(plan, Refusal):
        return plan
    if waits is not None and plan.on_approval == "wait":
        return _once_decided(mesh, plan, call, body, pauses, waits)
    paused: BaseException | None = None
    try:
        with ExitStack() as stack:
            wait = None
            if waits is not None and plan.resource is not None:
                plan = plan._replace(options={"request_id": new_request_id(), **plan.options})
                wait = waits.begin(mesh, plan)
                if wait is None:
                    return Refusal.given_up(plan.action)
            guard = stack.enter_context(mesh.guard(**plan.guard))
            if wait is not None and not wait.end():
                guard._has_begun = False
                return Refusal.given_up(plan.action)
            if guard.denial is not None:
                return Refusal.of(plan.action, guard.denial)
            try:
                with _under(guard):
                    return body(guard)
            except pauses as pause:
                paused = pause
    except LeaseLostError as loss:
        return Refusal.lost(plan.action, loss)
    assert paused is not None
    raise paused


def _once_decided(
    mesh: SyncProtoMesh,
    plan: Plan,
    call: ToolCall,
    body: Callable[[SyncGuard], _T],
    pauses: _Pauses,
    waits: Waits,
) -> _T | Refusal:
    """Waits for people in short turns, since nothing else can tell a thread that its run has ended."""
    ends = monotonic() + plan.approval_timeout
    told: set[str] = set()
    while True:
        asking = plan._replace(on_approval="raise")
        result = run_plan_sync(mesh, asking, call, body, pauses=pauses, waits=waits)
        asked = result.approval if isinstance(result, Refusal) else None
        if asked is None or asked.approval_id is None:
            return result
        try:
            approval = mesh.approvals.get(asked.approval_id)
            if plan.on_waiting is not None and approval.state == "pending" and approval.approval_id not in told:
                plan.on_waiting(approval)
            told.add(approval.approval_id)
            while approval.state == "pending" and not waits.has_ended:
                if (left := ends - monotonic()) <= 0:
                    return result
                approval = mesh.approvals.wait(asked.approval_id, min(left, _TURN))
        except MeshError as fault:
            return Refusal.of(plan.action, Denial.of(plan.action, fault))
        if waits.has_ended:
            return Refusal.given_up(plan.action)
        plan = plan.showing(approval.approval_id)


async def _guarded(
    mesh: ProtoMesh,
    plan: Plan,
    body: Callable[[], Awaitable[_T]],
    pauses: _Pauses,
    beat: Callable[[], None] | None,
    begin: Callable[[], None] | None,
) -> _T | Refusal:
    """``begin`` is given for a body in a thread, and called before it."""
    paused: BaseException | None = None
    try:
        async with AsyncExitStack() as stack:
            async with _beating(beat):
                guard = await stack.enter_async_context(mesh.guard(**plan.guard))
            if guard.denial is not None:
                return Refusal.of(plan.action, guard.denial)
            if begin is not None:
                begin()
            try:
                with _under(guard):
                    return await body()
            except pauses as pause:
                paused = pause
            except asyncio.CancelledError:
                if begin is not None and guard.lease is not None and guard.lease.is_held:
                    # The loop itself ends, and the thread may still write: the lease is not released but left to expire.
                    with suppress(LeaseLostError):
                        guard.lease.ticket()
                raise
    except LeaseLostError as loss:
        return Refusal.lost(plan.action, loss)
    assert paused is not None
    raise paused


def plan_of(rule: CompiledRule | None, call: ToolCall) -> Plan | Refusal | None:
    """What the call needs; None: nothing."""
    if rule is None:
        return None
    try:
        return rule.plan(call)
    except CannotTellError as fault:
        return Refusal.unclear(rule.action_of(call), str(fault))
    except Exception as fault:
        # Nothing may run that nobody could protect; and whoever wrote the rule should hear of it.
        _log.warning("The rule for the tool %s failed, so it does not run.", call.name, exc_info=True)
        return Refusal.unclear(rule.action_of(call), f"{type(fault).__name__}: {fault}")


def refuse_on_loop(asynchronous: str) -> None:
    """Whoever holds the resource may be another task of the loop that would stand still."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "A protected tool would wait here and so stop the event loop that runs in this thread. "
        f"Use {asynchronous} instead, or call it in a thread (asyncio.to_thread)."
    )


@contextmanager
def _under(guard: Guard | SyncGuard) -> Iterator[None]:
    token = _running.set(guard)
    try:
        yield
    finally:
        _running.reset(token)


@asynccontextmanager
async def _beating(beat: Callable[[], None] | None) -> AsyncIterator[None]:
    if beat is None:
        yield
        return

    async def on() -> None:
        while True:
            beat()
            await asyncio.sleep(_BEAT)

    task = asyncio.ensure_future(on())
    try:
        yield
    finally:
        task.cancel()


def _forget(task: asyncio.Task[object]) -> None:
    _leftovers.discard(task)
    if not task.cancelled():
        # Its caller is gone, so an error of the tool has nobody left to hear of it but the log.
        fault = task.exception()
        if fault is not None:
            _log.warning("A tool whose caller had given up failed: %r", fault)
