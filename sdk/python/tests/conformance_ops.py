"""The ops of tests/conformance/README.md, done by the asynchronous client and answered in wire form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from protomesh import Guard, Lease, MeshError, ProtoMesh, Resource
from protomesh._answers.base import Answer

if TYPE_CHECKING:
    from conformance_runner import Scenario

#: Rings when the request of the op that runs here is on its way.
begun: ContextVar[asyncio.Event | None] = ContextVar("begun", default=None)

_DURATIONS = {
    *("wait_ms", "ttl_ms", "max_hold_ms", "drain_ms", "attempt_timeout_ms", "retry_for_ms", "approval_timeout_ms"),
    *("max_ttl_ms", "overlap_ms", "hold_ms", "timeout_ms", "valid_ms", "expires_in_ms"),
}

#: Calls that give their answer piece by piece.
_STREAMS = {"keys.list", "budgets.ledger", "approvals.list", "approvals.grants"}


class BodyFailedError(Exception):
    """What a body fails with when a scenario wants it to fail."""


class HeldGuard:
    """A guard whose body lasts until a scenario ends it: entered and left by one task, as the language wants it."""

    def __init__(self, mesh: ProtoMesh, action: str, resource: Any, options: dict[str, Any]) -> None:
        self._end = asyncio.Event()
        self._fails = False
        self._entered: asyncio.Future[Guard] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(mesh, action, resource, options))

    async def _run(self, mesh: ProtoMesh, action: str, resource: Any, options: dict[str, Any]) -> None:
        try:
            async with mesh.guard(action, resource, **options) as guard:
                self._entered.set_result(guard)
                await self._end.wait()
                if self._fails:
                    raise BodyFailedError
        except BaseException as fault:
            if not self._entered.done():
                self._entered.set_exception(fault)
            raise

    async def enter(self) -> Guard:
        """Waits for the answer; whoever is cancelled meanwhile cancels the guard."""
        try:
            await asyncio.wait([self._entered])
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._entered.exception()
            raise
        return await self._entered

    async def exit(self, fails: bool) -> None:
        """Ends the body. Raises what comes out of the guard."""
        self._fails = fails
        self._end.set()
        try:
            await self._task
        except BodyFailedError:
            if not fails:
                raise

    @property
    def guard(self) -> Guard:
        return self._entered.result()

    async def abandon(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


def listen(mesh: ProtoMesh) -> ProtoMesh:
    """Rings ``begun`` just after a request of this client has left."""
    http = mesh._http

    def ringing(send: Callable[..., Any]) -> Callable[..., Any]:
        def sending(*arguments: Any) -> Any:
            event = begun.get()
            if event is not None and not event.is_set():
                asyncio.get_running_loop().call_later(0.02, event.set)
            return send(*arguments)

        return sending

    http.send = ringing(http.send)  # type: ignore[method-assign]
    http.open = ringing(http.open)  # type: ignore[method-assign]
    return mesh


def units(args: Mapping[str, Any]) -> dict[str, Any]:
    """Durations of the wire as those of the language."""
    return {
        name.removesuffix("_ms") if name in _DURATIONS else name: value / 1000 if name in _DURATIONS else value
        for name, value in args.items()
    }


def wire(value: Any) -> Any:
    """An answer as the service wrote it, with what the client knows of a lease and a guard."""
    if isinstance(value, Lease):
        return {
            **value.grant.to_dict(),
            "is_held": value.is_held,
            "remaining_ms": value.remaining * 1000,
            "lost": value.lost.is_set(),
            "waiters": wire(value.waiters),
        }
    if isinstance(value, HeldGuard):
        guard = value.guard
        denial = guard.denial
        return {
            "granted": guard.granted,
            "unprotected": guard.unprotected,
            "lease": wire(guard.lease),
            "decision": wire(guard.decision),
            "approval_id": guard.approval_id,
            "reservations": wire(guard.reservations),
            "text": guard.text,
            "denial": denial
            and {
                "code": denial.code,
                "text": denial.text,
                "retryable": denial.retryable,
                "retry_after_ms": denial.retry_after_ms,
                "decision": wire(denial.decision),
                "approval": wire(denial.approval),
                "problem": wire(denial.problem),
            },
        }
    if isinstance(value, Answer):
        return value.to_dict()
    return [wire(one) for one in value] if isinstance(value, (list, tuple)) else value


def wire_error(error: MeshError) -> dict[str, Any]:
    """An error in wire form."""
    return {
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "trace_id": error.trace_id,
        "class": type(error).__name__.removesuffix("Error"),
        "retryable": error.retryable,
        "retry_after_ms": error.retry_after_ms,
        "message": error.message,
        "next_step": error.next_step,
        "problem": error.problem.to_dict(),
    }


async def run_op(op: str, actor: str, args: dict[str, Any], on: Any, scenario: Scenario) -> Any:
    """Does one op, and gives what the client gave."""
    args = dict(args)
    if isinstance(args.get("document"), list):
        args["document"] = "\n".join(args["document"])
    room, _, call = op.rpartition(".")
    if room == "stage":
        return await scenario.stage_op(call, args)
    if op == "value":
        return args["of"]
    if room == "section":
        return scenario.section(call, **args)
    if room == "lease":
        return await _lease_op(call, args, _lease(on))
    if room == "guard":
        return await _guard_op(call, args, on, actor, scenario)
    if op == "close":
        return await scenario.close_client(actor)
    mesh = await scenario.client(actor)
    if op in ("health", "held"):
        return await mesh.health() if op == "health" else sorted(mesh.held, key=lambda lease: lease.fencing_token)
    if op == "attach":
        return await mesh.attach(args["ticket"])
    if room == "":
        return await _lock_op(mesh, call, args, scenario)
    if room == "policies":
        if on is not None:
            args["lease"] = _lease(on)
        if call == "diff":
            args["from_version"], args["to_version"] = args.pop("from"), args.pop("to")
        if call in ("versions", "decisions"):
            return await _take(getattr(mesh.policies, call), args)
        return await getattr(mesh.policies, call)(**args)
    if room in ("keys", "budgets", "approvals"):
        given = getattr(getattr(mesh, room), call)
        return await _take(given, units(args)) if op in _STREAMS else await given(**units(args))
    if room == "events":
        return await _take(getattr(mesh.events, call), args)
    if op == "fences.validate":
        return await mesh.fences.validate(**args)
    raise ValueError(f"There is no op {op}.")


async def _lock_op(mesh: ProtoMesh, call: str, args: dict[str, Any], scenario: Scenario) -> Any:
    if call in ("list", "resources", "history"):
        return await _take(getattr(mesh.locks, call), args)
    if call in ("acquire", "try_acquire", "dry_run"):
        resource = _resource(args)
        if "on_queued" in args:
            places = scenario.saved.setdefault(args["on_queued"], [])
            args["on_queued"] = lambda queued: places.append(queued.to_dict())
        return await getattr(mesh.locks, call)(resource, **units(args))
    if call in ("get", "explain", "queue", "cancel", "cancel_request", "reprioritize", "force_release"):
        return await getattr(mesh.locks, call)(**args)
    raise ValueError(f"There is no op {call}.")


async def _lease_op(call: str, args: dict[str, Any], lease: Lease) -> Any:
    if call == "state":
        return lease
    if call == "wait_lost":
        await lease.lost.wait()
        return lease
    if call == "close":
        await lease.__aexit__(None, None, None)
        return None
    if call in ("check", "report_progress", "ticket"):
        return getattr(lease, call)(**args)
    if call in ("renew", "release", "transfer"):
        result = await getattr(lease, call)(**args)
        return lease if call == "renew" else result
    raise ValueError(f"There is no op lease.{call}.")


async def _guard_op(call: str, args: dict[str, Any], on: Any, actor: str, scenario: Scenario) -> Any:
    if call == "state":
        return on
    if call == "exit":
        return await on.exit(args.get("failed", False))
    if call == "spent":
        return on.guard.spent(**args)
    if call != "enter":
        raise ValueError(f"There is no op guard.{call}.")
    resource = _resource(args) if "resource" in args or "resources" in args else None
    action = args.pop("action")
    if "on_waiting" in args:
        told = scenario.saved.setdefault(args["on_waiting"], [])
        args["on_waiting"] = lambda approval: told.append(wire(approval))
    guard = HeldGuard(await scenario.client(actor), action, resource, units(args))
    scenario.guards.append(guard)
    await guard.enter()
    return guard


def _lease(on: Any) -> Lease:
    lease = on.guard.lease if isinstance(on, HeldGuard) else on
    assert isinstance(lease, Lease)
    return lease


def _resource(args: dict[str, Any]) -> Any:
    if "resources" in args:
        return [one if isinstance(one, str) else Resource(**one) for one in args.pop("resources")]
    return args.pop("resource")


async def _take(read: Callable[..., AsyncIterator[Any]], args: dict[str, Any]) -> list[Any]:
    limit = args.pop("n", None)
    found: list[Any] = []
    async with aclosing(read(**args)) as items:  # type: ignore[type-var]
        async for one in items:
            found.append(one)
            if len(found) == limit:
                break
    return found
