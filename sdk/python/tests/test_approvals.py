"""Approvals, against the service: asked by a guard, decided by people, used once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from helpers import new_name, until, until_async
from people import new_space
from protomesh import (
    Approval,
    ConflictError,
    NotFoundError,
    PolicyDeniedError,
    ProtoMesh,
    SyncProtoMesh,
    UnauthorizedError,
    ValidationError,
)

Connect = Callable[..., ProtoMesh]


@pytest.fixture
async def space(connect: Connect) -> str:
    """A namespace where people have to approve refunds of more than 50."""
    return await new_space(connect)


MUCH = {"amount": 500}


@pytest.mark.parametrize("is_locked", [True, False])
async def test_a_guard_runs_once_people_have_agreed(is_locked: bool, connect: Connect, space: str) -> None:
    mesh, ann = connect(namespace=space), connect("ann", namespace=space)
    name = new_name() if is_locked else None
    waiting: asyncio.Queue[Approval] = asyncio.Queue()

    async def refund() -> Any:
        async with mesh.guard(
            "refund", name, metadata=MUCH, on_approval="wait", on_waiting=waiting.put_nowait
        ) as guard:
            assert guard.granted, guard.text
            return guard

    refunding = asyncio.create_task(refund())
    asked = await asyncio.wait_for(waiting.get(), 20)
    assert (asked.state, asked.action, asked.resource, asked.metadata) == ("pending", "refund", name, MUCH)
    assert (asked.group, asked.quorum, asked.agent_id) == ("ops", 1, "a")
    assert asked.rules[0].rule == "small-is-free"
    if name is not None:
        # Whoever wants it meanwhile has it.
        assert (await ann.locks.try_acquire(name)) is not None
        for lease in ann.held:
            await lease.release()
    seen = [one.approval_id async for one in ann.approvals.list(state="pending", group="ops")]
    assert seen == [asked.approval_id]
    given = await ann.approvals.approve(asked.approval_id, comment="fine", approver="ann")
    assert given.state == "approved"
    assert [(vote.approver, vote.vote, vote.comment) for vote in given.votes] == [("ann", "approve", "fine")]
    guard = await asyncio.wait_for(refunding, 30)
    assert guard.approval_id == asked.approval_id

    async def is_consumed() -> bool:
        return (await mesh.approvals.get(asked.approval_id)).state == "consumed"

    await until_async("it is written down", is_consumed)


async def test_a_yes_is_good_for_one_body(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    async with mesh.guard("refund", metadata=MUCH) as guard:
        assert not guard.granted
    assert guard.denial is not None
    assert guard.denial.approval is not None
    first = guard.denial.approval.approval_id
    assert first is not None
    assert first in (guard.text or "")
    assert "ops" in (guard.text or "")
    await mesh.approvals.approve(first, approver="ann")
    # The next one to ask uses it, without a word of its id.
    async with mesh.guard("refund", metadata=MUCH) as guard:
        assert guard.granted
        assert guard.approval_id == first
    async with mesh.guard("refund", metadata=MUCH) as guard:
        assert not guard.granted
        assert guard.approval_id != first
    async with mesh.guard("refund", metadata=MUCH, approval_id=first) as guard:
        assert not guard.granted
    assert "was used already" in (guard.text or "")
    async with mesh.guard("refund", metadata={"amount": 501}, approval_id=first) as guard:
        assert not guard.granted
    async with mesh.guard("refund", metadata={"amount": 5}, approval_id=first) as guard:
        assert guard.granted, "it needs none any more"


async def test_a_no_is_told_with_its_reason(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    asked = await mesh.approvals.request("refund", metadata=MUCH, reason="the customer is angry")
    assert asked.reason == "the customer is angry"
    assert (await mesh.approvals.request("refund", metadata=MUCH)).approval_id == asked.approval_id
    guarding = asyncio.create_task(_text(mesh, on_approval="wait"))
    await asyncio.sleep(0.2)
    denied = await mesh.approvals.deny(asked.approval_id, comment="too much", approver="ann")
    assert denied.state == "denied"
    assert f"The approval {asked.approval_id} was denied" in await asyncio.wait_for(guarding, 30)
    with pytest.raises(ConflictError) as closed:
        await mesh.approvals.approve(asked.approval_id, approver="ann")
    assert (closed.value.code, closed.value.problem.state) == ("approval_closed", "denied")


async def _text(mesh: ProtoMesh, **options: Any) -> str:
    async with mesh.guard("refund", metadata=MUCH, **options) as guard:
        return guard.text or ""


async def test_what_nobody_may_or_has_to_approve_is_an_error(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    with pytest.raises(ConflictError) as needless:
        await mesh.approvals.request("refund", metadata={"amount": 5})
    assert needless.value.code == "approval_not_needed"
    with pytest.raises(PolicyDeniedError):
        await mesh.approvals.request("destroy")
    with pytest.raises(NotFoundError) as unknown:
        await mesh.approvals.get("01a1fdc6-072c-7163-b397-2ad114aaa101")
    assert unknown.value.code == "approval_unknown"
    asked = await mesh.approvals.request("refund", metadata=MUCH)
    with pytest.raises(UnauthorizedError) as own:
        await mesh.approvals.approve(asked.approval_id, approver="a")
    assert own.value.code == "not_an_approver"


async def test_whoever_asked_may_withdraw_and_whoever_agreed_may_think_again(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    asked = await mesh.approvals.request("refund", metadata=MUCH)
    assert (await mesh.approvals.cancel(asked.approval_id)).state == "cancelled"
    again = await mesh.approvals.request("refund", metadata=MUCH)
    assert again.approval_id != asked.approval_id
    await mesh.approvals.approve(again.approval_id, valid=600, approver="ann")
    assert (await mesh.approvals.revoke(again.approval_id, comment="no", approver="ann")).state == "revoked"
    assert "was revoked" in await _text(mesh, approval_id=again.approval_id)


async def test_a_wait_ends_with_the_decision_or_with_its_time(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    asked = await mesh.approvals.request("refund", metadata=MUCH)
    assert (await mesh.approvals.wait(asked.approval_id, 0)).state == "pending"
    assert (await mesh.approvals.wait(asked.approval_id, 1)).state == "pending"
    waiting = asyncio.create_task(mesh.approvals.wait(asked.approval_id, 60))
    await asyncio.sleep(0.2)
    await mesh.approvals.approve(asked.approval_id, approver="ann")
    assert (await asyncio.wait_for(waiting, 30)).state == "approved"


async def test_people_may_agree_to_less(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    asked = await mesh.approvals.request("refund", metadata=MUCH)
    less = await mesh.approvals.approve(asked.approval_id, metadata={"amount": 100}, approver="ann")
    assert less.edited
    assert less.metadata == {"amount": 100}
    async with mesh.guard("refund", metadata=MUCH, approval_id=asked.approval_id) as guard:
        assert not guard.granted
    async with mesh.guard("refund", metadata={"amount": 100}, approval_id=asked.approval_id) as guard:
        assert guard.granted


async def test_a_standing_grant_spares_the_question_until_it_is_used_up(connect: Connect, space: str) -> None:
    mesh, name = connect(namespace=space), new_name()
    grant = await mesh.approvals.grant(
        "ops", "refund", name, expires_in=600, uses=2, condition="metadata.amount < 200", approver="ann"
    )
    assert (grant.state, grant.uses, grant.used, grant.by) == ("active", 2, 0, "ann")
    async with mesh.guard("refund", name, metadata=MUCH, wait=0) as guard:
        assert not guard.granted, "the condition does not hold"
    for _ in range(2):
        async with mesh.guard("refund", name, metadata={"amount": 100}) as guard:
            assert guard.granted
    async with mesh.guard("refund", name, metadata={"amount": 100}) as guard:
        assert not guard.granted
    other = await mesh.approvals.grant("ops", "refund", expires_in=600, uses=5, approver="ann")
    assert (await mesh.approvals.revoke_grant(other.grant_id, approver="ann")).state == "revoked"
    assert {one.grant_id async for one in mesh.approvals.grants()} == {grant.grant_id, other.grant_id}
    with pytest.raises(ValidationError):
        await mesh.approvals.grant("ops", "refund", expires_in=8 * 86400, uses=1, approver="ann")
    with pytest.raises(NotFoundError):
        await mesh.approvals.revoke_grant("01a1fdc6-072c-7163-b397-2ad114aaa101", approver="ann")


def test_a_thread_waits_for_people_too(connect_sync: Callable[..., SyncProtoMesh], space: str) -> None:
    mesh, ann = connect_sync(namespace=space), connect_sync("ann", namespace=space)

    def approve(asked: Approval) -> None:
        ann.approvals.approve(asked.approval_id, approver="ann")

    with mesh.guard("refund", new_name(), metadata=MUCH, on_approval="wait", on_waiting=approve) as guard:
        assert guard.granted
    until("it is written down", lambda: [one.state for one in mesh.approvals.list(action="refund")] == ["consumed"])
