"""Keys: who may call, as whom, and until when."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from helpers import new_name, until_async
from people import new_space
from protomesh import Approval, NotFoundError, ProtoMesh, SyncProtoMesh, UnauthorizedError, ValidationError
from service import Service


@pytest.fixture
async def enter(closed: Service, bootstrap: str) -> AsyncIterator[Callable[..., ProtoMesh]]:
    """Makes clients with a key; the first admin's by default."""
    made: list[ProtoMesh] = []

    def make(api_key: str | None = bootstrap, agent_id: str = "a", **more: Any) -> ProtoMesh:
        more.update(agent_id=agent_id, api_key=api_key, attempt_timeout=30, retry_for=30)
        made.append(ProtoMesh(closed.url, **more))
        return made[-1]

    yield make
    for mesh in made:
        await mesh.close()


def new_agent() -> str:
    return "agent-" + uuid.uuid4().hex[:8]


async def test_a_key_lives_from_its_issue_to_its_end(enter: Callable[..., ProtoMesh]) -> None:
    admin, agent = enter(), new_agent()
    ends = datetime.now(timezone.utc) + timedelta(hours=1)
    issued = await admin.keys.create(
        "agent",
        name="support",
        comment="refunds",
        agent_id=agent,
        team="blue",
        labels={"role": "support"},
        max_priority=5,
        max_ttl=60,
        expires_at=ends,
    )
    key = issued.details
    assert (key.role, key.state, key.agent_id, key.team, key.max_ttl_ms) == ("agent", "active", agent, "blue", 60000)
    assert key.expires_at is not None
    assert abs(key.expires_at - ends) < timedelta(seconds=1)
    assert issued.key not in repr(issued)
    assert "locks:acquire" in key.scopes

    mesh = enter(issued.key, agent)
    async with mesh.lock(new_name(), priority=5, wait=5) as lease:
        assert lease.agent_id == agent
    with pytest.raises(UnauthorizedError) as other:
        await enter(issued.key, "someone else").locks.try_acquire(new_name())
    assert other.value.code == "agent_mismatch"
    with pytest.raises(UnauthorizedError) as more:
        await mesh.keys.get(key.key_id)
    assert more.value.code == "forbidden"

    rotated = await admin.keys.rotate(key.key_id, overlap=0)
    assert rotated.key != issued.key
    assert rotated.details.rotated_at is not None

    async def is_out(text: str) -> bool:
        try:
            await enter(text, agent).locks.queue("a/b")
        except UnauthorizedError as refusal:
            return refusal.code == "unauthorized"
        return False

    await until_async("the old text is good for nothing", lambda: is_out(issued.key))
    assert not await is_out(rotated.key)
    assert [one.key_id async for one in admin.keys.list() if one.agent_id == agent] == [key.key_id]
    assert (await admin.keys.revoke(key.key_id)).state == "revoked"
    assert (await admin.keys.revoke(key.key_id)).state == "revoked"
    await until_async("nor is the new one", lambda: is_out(rotated.key))
    assert (await admin.keys.get(key.key_id)).revoked_by is not None


async def test_with_keys_on_only_a_key_of_the_group_decides(enter: Callable[..., ProtoMesh]) -> None:
    admin, agent = enter(), new_agent()

    async def key(role: str, **more: Any) -> str:
        return (await admin.keys.create(role, namespace=space, **more)).key

    space = "n" + uuid.uuid4().hex[:10]
    ann = enter(await key("approver", name="ann", groups=["ops", "finance"]), namespace=space)
    # A rule that nobody could answer would not be taken.
    await new_space(enter, name=space)
    mesh = enter(await key("agent", agent_id=agent), agent, namespace=space)
    other = enter(await key("approver", name="bob", groups=["legal"]), namespace=space)
    waiting: asyncio.Queue[Approval] = asyncio.Queue()

    async def refund() -> str | None:
        options: Any = {"on_approval": "wait", "on_waiting": waiting.put_nowait}
        async with mesh.guard("refund", new_name(), metadata={"amount": 500}, **options) as guard:
            return guard.text

    refunding = asyncio.create_task(refund())
    asked = await asyncio.wait_for(waiting.get(), 60)
    assert asked.agent_id == agent
    for nobody in (other, mesh):
        with pytest.raises(UnauthorizedError) as refusal:
            await nobody.approvals.approve(asked.approval_id)
        assert refusal.value.code in ("not_an_approver", "forbidden")
    with pytest.raises(ValidationError):
        await ann.approvals.approve(asked.approval_id, approver="somebody else")
    decided = await ann.approvals.approve(asked.approval_id, comment="fine")
    assert "ann" in decided.votes[0].approver
    assert await asyncio.wait_for(refunding, 60) is None


async def test_what_there_is_not_and_what_cannot_be_made_is_told(enter: Callable[..., ProtoMesh]) -> None:
    admin = enter()
    with pytest.raises(NotFoundError) as unknown:
        await admin.keys.get("000000000000")
    assert unknown.value.code in ("key_unknown", "validation_failed")
    with pytest.raises(ValidationError) as wrong:
        await admin.keys.create("king")
    assert wrong.value.problem.errors
    assert wrong.value.problem.errors[0].field == "role"
    with pytest.raises(UnauthorizedError):
        await enter(None).locks.queue("a/b")


async def test_an_open_service_has_no_keys(mesh: ProtoMesh) -> None:
    with pytest.raises(ValidationError) as refusal:
        await mesh.keys.create("viewer")
    assert refusal.value.code == "keys_off"


def test_the_synchronous_client_has_the_same_keys(closed: Service, bootstrap: str) -> None:
    agent = new_agent()
    with SyncProtoMesh(closed.url, api_key=bootstrap, attempt_timeout=30, retry_for=30) as admin:
        issued = admin.keys.create("agent", agent_id=agent)
        assert [one.key_id for one in admin.keys.list() if one.agent_id == agent] == [issued.details.key_id]
        with SyncProtoMesh(closed.url, api_key=issued.key, agent_id=agent, attempt_timeout=30) as mesh:
            assert mesh.locks.try_acquire(new_name()) is not None
