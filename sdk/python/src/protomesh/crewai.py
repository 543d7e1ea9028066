"""ProtoMesh in CrewAI.

agent = Agent(role="support", tools=[protect(refund, mesh, "customer/{customer_id}")], ...)
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from crewai.hooks import (
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_after_tool_call_hook,
    unregister_before_tool_call_hook,
)
from crewai.tools import BaseTool
from pydantic import PrivateAttr

from ._answers.budgets import BudgetObligation
from ._answers.policies import PolicyDecision
from ._async.client import ProtoMesh
from ._denial import Denial
from ._errors import MeshError
from ._integrations.calls import current_guard, current_lease, run, run_sync
from ._integrations.refusals import Refusal
from ._integrations.rules import CompiledRule, CompiledRules, Plan, Protection, Rule, Rules, ToolCall
from ._integrations.templates import CannotTellError
from ._integrations.waits import Waits
from ._problems import denied
from ._requests import LeaseOptions, LeaseRequest, Resource
from ._sync.client import SyncProtoMesh
from ._sync.guard import SyncGuard
from ._sync.lease import SyncLease

if TYPE_CHECKING:
    from crewai.hooks import ToolCallHookContext
    from typing_extensions import Unpack

try:
    from crewai.tools.tool_failure import ToolFailure
except ImportError:  # Older versions: the text alone has to do.
    ToolFailure = None  # type: ignore[assignment,misc]

__all__ = [
    "PolicyHooks",
    "Protection",
    "Refusal",
    "Rule",
    "Rules",
    "RunScope",
    "ToolCall",
    "current_guard",
    "current_lease",
    "policy_hooks",
    "protect",
    "run_scope",
    "use_lock_backend",
]

_log = logging.getLogger("protomesh")

_LONGEST_ID = 500
_MOST_PENDING = 1000
# How late an asynchronous tool may hear that its lease is lost.
_LOOK = 0.05
_waits: ContextVar[Waits | None] = ContextVar("protomesh_crewai_waits", default=None)


def protect(tool: BaseTool, mesh: ProtoMesh | SyncProtoMesh, rule: Rule) -> BaseTool:
    """The same tool, which runs under what the rule asks for. A refusal is a ToolFailure, whose message the model reads;
    CrewAI never keeps one in its cache of results.

    CrewAI runs tools in threads, which it cannot stop: set ``max_hold`` in the rule to what a call may take at most, keep
    ``wait`` below the agent's ``max_execution_time``, and see ``run_scope``.
    """
    if not isinstance(tool, BaseTool):
        raise TypeError(f"protect takes a BaseTool, not {tool!r}.")
    compiled = CompiledRule(rule)
    fields = {name: getattr(tool, name) for name in BaseTool.model_fields if hasattr(tool, name)}
    keeps: Callable[..., bool] = tool.cache_function
    fields["cache_function"] = lambda arguments=None, result=None: not _is_refusal(result) and keeps(arguments, result)
    protected = _ProtectedTool(**fields)
    protected._inner = tool
    protected._rule = compiled
    protected._mesh = mesh
    protected._sync = mesh if isinstance(mesh, SyncProtoMesh) else mesh.sync
    return protected


class _ProtectedTool(BaseTool):
    """A tool around a tool."""

    _inner: BaseTool | None = PrivateAttr(default=None)
    _rule: CompiledRule | None = PrivateAttr(default=None)
    _mesh: ProtoMesh | SyncProtoMesh | None = PrivateAttr(default=None)
    _sync: SyncProtoMesh | None = PrivateAttr(default=None)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        inner, mesh = self._inner, self._sync
        if inner is None or mesh is None:
            return self._restored()

        def body(guard: SyncGuard) -> Any:
            result = inner._run(*args, **kwargs)
            return _finish(result, guard.lease) if inspect.iscoroutine(result) else result

        result = run_sync(
            mesh, self._rule, self._call(args, kwargs), body, asynchronous="await tool.arun(...)", waits=_waits.get()
        )
        return _failure(result) if isinstance(result, Refusal) else result

    async def _arun(self, *args: Any, **kwargs: Any) -> Any:
        inner, mesh = self._inner, self._mesh
        if inner is None or mesh is None:
            return self._restored()
        if not isinstance(mesh, ProtoMesh):
            raise TypeError("An asynchronous tool is protected with a ProtoMesh; this one has a SyncProtoMesh.")
        result = await run(mesh, self._rule, self._call(args, kwargs), lambda: inner._arun(*args, **kwargs))
        return _failure(result) if isinstance(result, Refusal) else result

    def _call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ToolCall:
        named = dict(zip(self.args_schema.model_fields, args, strict=False))
        return ToolCall(name=self.name, arguments={**named, **kwargs})

    def _restored(self) -> Any:
        """A checkpoint holds neither a client nor the tool itself, and unprotected nothing may run."""
        return _failure(Refusal.unclear(self.name, "it was restored from a checkpoint and has to be protected again."))


def run_scope() -> RunScope:
    """``with run_scope(): crew.kickoff()``, or ``async with``: when the block ends, also by a cancellation, a timeout or an
    error, the protected tools that still wait in a queue give up and do not run. CrewAI leaves their threads alive."""
    return RunScope()


class RunScope:
    """One run of a crew."""

    def __init__(self) -> None:
        self._waits = Waits()
        self._token: Token[Waits | None] | None = None

    def __enter__(self) -> None:
        self._token = _waits.set(self._waits)

    def __exit__(self, *_: Any) -> None:
        if self._token is not None:
            _waits.reset(self._token)
        self._waits.end()

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *_: Any) -> None:
        if self._token is not None:
            _waits.reset(self._token)
        await asyncio.shield(asyncio.to_thread(self._waits.end))


def policy_hooks(mesh: ProtoMesh | SyncProtoMesh, rules: Rules) -> PolicyHooks:
    """Asks the policy before every call of the tools that have a rule, in all crews of the process, until ``remove`` is
    called or the block ends that it is used in. The model reads why a call was blocked.

    For the policy only: CrewAI's hooks have no end that always comes, so they take no locks, and what the policy reserves
    for a call counts in full; see ``protect``. CrewAI lets a tool run when a hook fails; these block it then.
    """
    hooks = PolicyHooks(mesh, rules)
    hooks.install()
    return hooks


class PolicyHooks:
    """A hook before and one after the calls of tools."""

    def __init__(self, mesh: ProtoMesh | SyncProtoMesh, rules: Rules) -> None:
        self._sync = mesh if isinstance(mesh, SyncProtoMesh) else mesh.sync
        self._rules = CompiledRules(rules)
        self._gate = threading.Lock()
        # CrewAI tells the model only that a hook blocked the call. Both hooks get the very same arguments.
        self._texts: OrderedDict[int, tuple[Any, str]] = OrderedDict()

    def install(self) -> None:
        """Once."""
        register_before_tool_call_hook(self.before)
        register_after_tool_call_hook(self.after)

    def remove(self) -> None:
        """Harmless when repeated."""
        unregister_before_tool_call_hook(self.before)
        unregister_after_tool_call_hook(self.after)

    def __enter__(self) -> PolicyHooks:
        return self

    def __exit__(self, *_: Any) -> None:
        self.remove()

    def before(self, context: ToolCallHookContext) -> bool | None:
        """False blocks the call."""
        try:
            text = self._refuse(context)
        except Exception as fault:
            # CrewAI would swallow it and run the tool.
            text = f"Not done: {context.tool_name}. {type(fault).__name__}: {fault}"
        if text is None:
            return None
        with self._gate:
            self._texts[id(context.tool_input)] = (context.tool_input, text)
            if len(self._texts) > _MOST_PENDING:
                self._texts.popitem(last=False)
        return False

    def after(self, context: ToolCallHookContext) -> str | None:
        """The text in place of CrewAI's own."""
        with self._gate:
            arguments, text = self._texts.get(id(context.tool_input), (None, None))
            if text is None or arguments is not context.tool_input:
                return None
            del self._texts[id(context.tool_input)]
        return text

    def _refuse(self, context: ToolCallHookContext) -> str | None:
        name = str(getattr(context.tool, "name", None) or context.tool_name)
        rule = self._rules.of(name, context.tool_name)
        if rule is None:
            return None
        call = ToolCall(name=name, arguments=context.tool_input, context=context)
        try:
            plan = rule.plan(call)
        except CannotTellError as fault:
            return Refusal.unclear(rule.action_of(call), str(fault)).text
        if plan is None:
            return None
        held: list[BudgetObligation] = []
        for resource in _names(plan):
            try:
                decision = self._check(plan, resource)
                refusal = None if decision.allowed else denied(decision)
            except MeshError as fault:
                refusal = fault
            if refusal is not None:
                self._settle(plan, held, self._sync.budgets.release)
                return Denial.of(plan.action, refusal).text
            if decision.obligations is not None:
                held += decision.obligations.budget or ()
        # There is no end at which to ask what it did cost, so all of it counts.
        self._settle(plan, held, lambda name, **where: self._sync.budgets.commit(name, _amount(held, name), **where))
        return None

    def _check(self, plan: Plan, resource: str | None) -> PolicyDecision:
        question: dict[str, Any] = {name: plan.options.get(name) for name in ("agent_id", "namespace", "run_id")}
        question.update(resource=resource, metadata=plan.metadata)
        decision = self._sync.policies.check(plan.action, **question)
        asked = decision.approval
        if asked is not None and asked.approval_id is not None and asked.state == "approved":
            return self._sync.policies.check(plan.action, **question, approval_id=asked.approval_id)
        return decision

    def _settle(self, plan: Plan, held: list[BudgetObligation], end: Callable[..., Any]) -> None:
        for one in held:
            try:
                end(one.reservation_id or "", namespace=plan.options.get("namespace"))
            except MeshError as fault:
                _log.warning("%s: the reservation %s could not be settled: %s", plan.action, one.reservation_id, fault)


def use_lock_backend(mesh: ProtoMesh | SyncProtoMesh, **options: Unpack[LeaseOptions]) -> None:
    """Puts ProtoMesh in place of the files, or the Redis, by which CrewAI guards its own storage. For the whole process;
    ``crewai_core.lock_store.set_lock_backend(None)`` takes it back."""
    try:
        from crewai_core.lock_store import set_lock_backend
    except ImportError:
        raise RuntimeError("This version of CrewAI has no set_lock_backend.") from None
    LeaseRequest.of(options)
    sync = mesh if isinstance(mesh, SyncProtoMesh) else mesh.sync

    @contextmanager
    def backend(name: str, *, timeout: float = 120) -> Iterator[None]:
        lease = _acquire(sync, _resource_of(name), {**options, "wait": timeout})
        with lease:
            yield
            lease.check()

    set_lock_backend(backend)


def _amount(held: list[BudgetObligation], name: str) -> int:
    return next(one.amount for one in held if one.reservation_id == name)


def _acquire(mesh: SyncProtoMesh, resource: str, options: Any) -> SyncLease:
    """CrewAI takes these locks on its event loop too, and stops it meanwhile; a thread is where a wait is allowed."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return mesh.locks.acquire(resource, **options)
    answer: list[SyncLease | BaseException] = []

    def work() -> None:
        try:
            answer.append(mesh.locks.acquire(resource, **options))
        except BaseException as fault:
            answer.append(fault)

    thread = threading.Thread(target=work, name="protomesh-crewai-lock", daemon=True)
    thread.start()
    thread.join()
    if isinstance(answer[0], BaseException):
        raise answer[0]
    return answer[0]


def _resource_of(name: str) -> str:
    """CrewAI's names may be whole paths."""
    if 0 < len(name.encode()) <= _LONGEST_ID and name.isprintable():
        return f"crewai/{name}"
    return f"crewai/{hashlib.sha256(name.encode()).hexdigest()}"


def _finish(coroutine: Coroutine[Any, Any, Any], lease: SyncLease | None) -> Any:
    """An asynchronous tool in one of CrewAI's threads: there a loss can stop it."""

    async def main() -> Any:
        task = asyncio.ensure_future(coroutine)
        while lease is not None and not lease.lost.is_set() and not task.done():
            await asyncio.wait({task}, timeout=_LOOK)
        if lease is not None and lease.lost.is_set() and not task.done():
            task.cancel()
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if lease is not None:
            lease.check()
        raise


def _failure(refusal: Refusal) -> Any:
    if ToolFailure is None:
        return _Text(refusal.text)
    return ToolFailure(message=refusal.text, code=refusal.code, retryable=refusal.retryable, details=refusal.details)


class _Text(str):
    """A refusal, apart from what a tool says."""

    __slots__ = ()


def _is_refusal(result: Any) -> bool:
    return isinstance(result, _Text) or (ToolFailure is not None and isinstance(result, ToolFailure))


def _names(plan: Plan) -> list[str | None]:
    """The resources by name; one None without any, for an action that touches none."""
    if plan.resource is None or isinstance(plan.resource, str):
        return [plan.resource]
    return [
        one if isinstance(one, str) else one.resource if isinstance(one, Resource) else str(one["resource"])
        for one in plan.resource
    ]
