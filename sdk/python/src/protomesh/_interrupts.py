"""Pauses a run of LangGraph while people decide.

On resume LangGraph runs the node from its beginning, and gives the answers to its interrupts one after the other. So what
was asked before the pause is not asked again: the answer names the approval, or it is looked up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt

from ._answers.approvals import Approval
from ._async.client import ProtoMesh
from ._errors import MeshError
from ._integrations.questions import names_of, needs_people, needs_people_sync, newest, newest_sync
from ._integrations.refusals import Refusal
from ._integrations.rules import Plan, ToolCall
from ._sync.client import SyncProtoMesh

_T = TypeVar("_T")

#: What an interrupt of ours says it is.
KIND: Final = "protomesh_approval"
_CHECKPOINTER: Final = "__pregel_checkpointer"
_SCRATCHPAD: Final = "__pregel_scratchpad"


class _Answers(NamedTuple):
    """What the run was resumed with."""

    #: The approval that the call waited for, if an answer names it.
    approval_id: str | None = None
    #: There is an answer that names none: it is for the call, or for an interrupt of the tool itself.
    is_unclear: bool = False


async def pausing(
    mesh: ProtoMesh, plan: Plan, call: ToolCall, attempt: Callable[[Plan], Awaitable[_T | Refusal]]
) -> _T | Refusal:
    """What an attempt gives, paused as long as it needs an approval that is pending."""
    answers = _answers(call)
    if answers.is_unclear:
        answers = await _look_up(mesh, plan)
    approval_id = answers.approval_id
    while True:
        result = await attempt(plan.showing(approval_id))
        if not isinstance(result, Refusal) or not _is_pending(result):
            return result
        approval_id = _pause(plan, call, result)


def pausing_sync(
    mesh: SyncProtoMesh, plan: Plan, call: ToolCall, attempt: Callable[[Plan], _T | Refusal]
) -> _T | Refusal:
    """The same for a thread."""
    answers = _answers(call)
    if answers.is_unclear:
        answers = _look_up_sync(mesh, plan)
    approval_id = answers.approval_id
    while True:
        result = attempt(plan.showing(approval_id))
        if not isinstance(result, Refusal) or not _is_pending(result):
            return result
        approval_id = _pause(plan, call, result)


def can_pause() -> bool:
    """Without a checkpointer a run that pauses cannot be resumed."""
    configurable = _configurable()
    return bool(configurable.get(_CHECKPOINTER)) and configurable.get(_SCRATCHPAD) is not None


def _is_pending(refusal: Refusal) -> bool:
    return refusal.approval is not None and refusal.approval.approval_id is not None


def _pause(plan: Plan, call: ToolCall, refusal: Refusal) -> str | None:
    """Ends the run; on resume it gives the approval that is meant."""
    asked = refusal.approval
    assert asked is not None
    resources = names_of(plan.resource)
    answer = interrupt(
        {
            "type": KIND,
            "approval_id": asked.approval_id,
            "action": plan.action,
            "resource": resources[0] if len(resources) == 1 else resources or None,
            "metadata": None if plan.metadata is None else dict(plan.metadata),
            "group": asked.group,
            "quorum": asked.quorum,
            "expires_at": None if asked.expires_at is None else asked.expires_at.isoformat(),
            "text": refusal.text,
            "tool": call.name,
            "tool_call_id": call.id,
        }
    )
    return _id_in(answer, call) or asked.approval_id


def _answers(call: ToolCall) -> _Answers:
    scratchpad = _configurable().get(_SCRATCHPAD)
    given = [] if scratchpad is None else [*scratchpad.resume, scratchpad.get_null_resume(False)]
    given = [answer for answer in given if answer is not None]
    # The last one: a call that paused twice waited for the second approval.
    named = [found for answer in given if (found := _id_in(answer, call)) is not None]
    if named:
        for _ in named:
            _take()
        return _Answers(named[-1])
    # What names the approval of another call is not for this one.
    return _Answers(is_unclear=any(not _is_ours(answer) for answer in given))


async def _look_up(mesh: ProtoMesh, plan: Plan) -> _Answers:
    # Whatever is wrong, the attempt meets it too and has words for it.
    with suppress(MeshError):
        if await needs_people(mesh, plan):
            return _found(await newest(mesh, plan))
    return _Answers()


def _look_up_sync(mesh: SyncProtoMesh, plan: Plan) -> _Answers:
    with suppress(MeshError):
        if needs_people_sync(mesh, plan):
            return _found(newest_sync(mesh, plan))
    return _Answers()


def _found(approval: Approval | None) -> _Answers:
    if approval is None:
        # Nobody was asked yet, so what was answered is a question of the tool itself.
        return _Answers()
    _take()
    return _Answers(approval.approval_id)


def _take() -> None:
    """Takes our answer, so that the tool's own interrupts get theirs."""
    # Unless another call of the same node was given it.
    with suppress(GraphInterrupt):
        interrupt(None)


def _is_ours(answer: Any) -> bool:
    return isinstance(answer, Mapping) and isinstance(answer.get("approval_id"), str)


def _id_in(answer: Any, call: ToolCall) -> str | None:
    if not _is_ours(answer):
        return None
    # An answer that was written by hand may name the approval alone.
    return str(answer["approval_id"]) if answer.get("tool_call_id", call.id) == call.id else None


def _configurable() -> Mapping[str, Any]:
    try:
        return get_config().get("configurable") or {}
    except RuntimeError:
        return {}
