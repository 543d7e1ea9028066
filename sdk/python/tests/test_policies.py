"""Questions to the policy, and the life of a policy."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from helpers import new_name, until_async
from protomesh import (
    ApprovalRequiredError,
    NotFoundError,
    PolicyCheck,
    PolicyDeniedError,
    ProtoMesh,
    ValidationError,
)

Connect = Callable[..., ProtoMesh]

DOCUMENT = """
apiVersion: protomesh.dev/policy/v1
name: {name}
defaults: {{ effect: allow }}
metadata:
  amount: {{ type: number, default: 0 }}
rules:
  - id: limit
    actions: ["refund"]
    when: "metadata.amount > {limit}"
    effect: deny
    message: "'At most {limit}'"
  - id: ask-first
    actions: ["delete"]
    when: "true"
    effect: require_approval
    approvers: {{ group: owners }}
"""


@pytest.fixture
def space() -> str:
    """A namespace whose policy no other test uses."""
    return "n" + uuid.uuid4().hex[:10]


async def test_a_deny_is_an_answer_with_reasons(mesh: ProtoMesh) -> None:
    decision = await mesh.policies.check("spend", metadata={"estimated_cost": 500})
    assert not decision.allowed
    assert decision.decision == "deny"
    assert decision.reasons[0].code == "SPEND_LIMIT"
    assert decision.reasons[0].to_change == ("metadata.estimated_cost <= 100",)
    assert decision.policy.name == "starter"
    allowed = await mesh.policies.check("spend", metadata={"estimated_cost": 5}, dry_run=True)
    assert allowed.allowed
    assert allowed.dry_run
    assert allowed.valid_until is not None
    assert allowed.valid_until.tzinfo is not None


async def test_a_lease_is_shown_to_a_rule_that_requires_one(mesh: ProtoMesh) -> None:
    name = new_name()
    assert not (await mesh.policies.check("customer.update", name)).allowed
    async with mesh.lock(name) as lease:
        assert (await mesh.policies.check("customer.update", lease=lease)).allowed
        assert (await mesh.policies.check("customer.update", name, fencing_token=lease.fencing_token)).allowed
        assert not (await mesh.policies.check("customer.update", name, fencing_token=1)).allowed


async def test_many_questions_are_answered_in_their_order(mesh: ProtoMesh) -> None:
    results = await mesh.policies.check_batch(
        ["read", PolicyCheck(action="spend", metadata={"estimated_cost": 500}), {"action": "no spaces"}]
    )
    assert results[0].decision is not None
    assert results[0].decision.allowed
    assert results[1].decision is not None
    assert not results[1].decision.allowed
    assert results[2].problem is not None
    assert results[2].problem.code == "validation_failed"


async def test_a_request_for_a_lease_that_the_policy_denies_is_not_queued(mesh: ProtoMesh) -> None:
    name = new_name()
    with pytest.raises(PolicyDeniedError) as denied:
        await mesh.locks.acquire(name, action="spend", metadata={"estimated_cost": 500})
    assert isinstance(denied.value, PermissionError)
    assert denied.value.decision is not None
    assert denied.value.decision.reasons[0].rule == "spend-limit"
    async with mesh.lock(name, action="spend", metadata={"estimated_cost": 5}) as lease:
        assert lease.decision is not None
        assert lease.decision.policy.name == "starter"


async def test_a_policy_lives_from_its_first_text_to_its_rollback(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    policies = mesh.policies
    first, second = (DOCUMENT.format(name="ours", limit=limit) for limit in (100, 200))
    assert (await policies.validate(first)).rules == 2
    with pytest.raises(ValidationError) as wrong:
        await policies.validate(first.replace("effect: deny", "effect: perhaps"))
    assert wrong.value.code == "policy_invalid"
    assert wrong.value.problem.errors
    one = await policies.put("ours", first, author="ada", comment="a limit")
    two = await policies.put("ours", second)
    assert (one.version, two.version, one.author) == (1, 2, "ada")
    assert (await policies.put("ours", second)).version == 2
    assert [version.version async for version in policies.versions("ours")] == [2, 1]
    assert (await policies.get("ours", 1)).document == first
    diff = await policies.diff("ours", 1, 2)
    assert (diff.from_, diff.to, diff.rules.changed) == (1, 2, ("limit",))
    assert diff.to_dict()["from"] == 1
    page = await policies.list()
    assert {policy.name: policy.newest_version for policy in page.policies} == {"starter": 1, "deny-all": 1, "ours": 2}
    active = await policies.activate("ours", 1, if_match=page.active.revision, by="ada")
    assert (active.version, active.by) == (1, "ada")
    with pytest.raises(ValidationError) as late:
        await policies.activate("ours", 2, if_match=page.active.revision)
    assert late.value.code == "precondition_failed"

    async def decides() -> bool:
        return (await policies.check("refund", metadata={"amount": 150})).policy.version == 1

    await until_async("version 1 decides", decides)
    assert (await policies.check("refund", metadata={"amount": 150})).reason == "At most 100"
    await policies.activate("ours", 2, if_match="*")
    with pytest.raises(NotFoundError) as unknown:
        await policies.get("ours", 9)
    assert unknown.value.code == "policy_unknown"


async def test_an_approval_that_is_required_is_an_error_of_its_own(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    await mesh.policies.put("ours", DOCUMENT.format(name="ours", limit=1))
    await mesh.policies.activate("ours", 1, if_match="*")

    async def decides() -> bool:
        return (await mesh.policies.check("delete")).policy.name == "ours"

    await until_async("it decides", decides)
    with pytest.raises(ApprovalRequiredError) as wants:
        await mesh.locks.acquire(new_name(), action="delete")
    assert wants.value.decision is not None
    assert wants.value.decision.approval is not None
    assert wants.value.decision.approval.group == "owners"


async def test_decisions_can_be_looked_up(connect: Connect) -> None:
    mesh = connect("agent-" + uuid.uuid4().hex[:8])
    made = await mesh.policies.check("spend", metadata={"estimated_cost": 500})

    async def found() -> list[str]:
        return [one.decision_id async for one in mesh.policies.decisions(agent_id=mesh.agent_id, decision="deny")]

    assert await until_async("it is written", found) == [made.decision_id]
    whole = await mesh.policies.decision(made.decision_id)
    assert whole.rules == ("spend-limit",)
    assert whole.inputs["metadata"]["estimated_cost"] == 500
    with pytest.raises(NotFoundError):
        await mesh.policies.decision("01a1fdc6-072c-7163-b397-2ad114aaa101")
    assert not [one async for one in mesh.policies.decisions(agent_id="nobody", policy="starter", action="x")]
