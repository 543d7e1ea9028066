"""Finds what people were asked when a call was made that runs again now, maybe in another process.

What a framework gives back on resume does not always name the approval. The newest one of the same content is it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from .._answers.approvals import Approval
from .._answers.policies import PolicyDecision
from .._async.client import ProtoMesh
from .._requests import ResourceArgument, to_json
from .._sync.client import SyncProtoMesh
from .rules import Plan

# Of one agent and one action, the newest first.
_MOST_LOOKED_AT: Final = 200
_OF_A_LEASE: Final = ("mode", "capacity", "units")


async def newest(mesh: ProtoMesh, plan: Plan) -> Approval | None:
    """The newest approval of what the plan wants to do, in any state. Raises MeshError."""
    looked_at = 0
    async for one in mesh.approvals.list(**_filter(mesh, plan)):
        if _is_of(one, plan):
            return one
        looked_at += 1
        if looked_at == _MOST_LOOKED_AT:
            break
    return None


def newest_sync(mesh: SyncProtoMesh, plan: Plan) -> Approval | None:
    """The same for a thread."""
    for looked_at, one in enumerate(mesh.approvals.list(**_filter(mesh, plan)), 1):
        if _is_of(one, plan):
            return one
        if looked_at == _MOST_LOOKED_AT:
            break
    return None


async def needs_people(mesh: ProtoMesh, plan: Plan) -> bool:
    """Whether the policy asks for an approval, without asking anybody. Raises MeshError."""
    if plan.resource is None:
        return _asks(await mesh.policies.check(plan.action, dry_run=True, **_question(plan)))
    verdict = await mesh.locks.dry_run(plan.resource, action=plan.action, **_question(plan), **_lease(plan))
    return _asks(verdict.decision)


def needs_people_sync(mesh: SyncProtoMesh, plan: Plan) -> bool:
    """The same for a thread."""
    if plan.resource is None:
        return _asks(mesh.policies.check(plan.action, dry_run=True, **_question(plan)))
    return _asks(mesh.locks.dry_run(plan.resource, action=plan.action, **_question(plan), **_lease(plan)).decision)


def names_of(resource: ResourceArgument | None) -> list[str]:
    """Without modes."""
    if resource is None:
        return []
    if isinstance(resource, str):
        return [resource]
    return [_name(one) for one in resource]


def _name(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    return str(resource["resource"] if isinstance(resource, dict) else resource.resource)


def _asks(decision: PolicyDecision | None) -> bool:
    return decision is not None and decision.decision == "require_approval"


def _question(plan: Plan) -> dict[str, Any]:
    options = {name: plan.options.get(name) for name in ("agent_id", "namespace", "run_id")}
    return {"metadata": plan.metadata, **options}


def _lease(plan: Plan) -> dict[str, Any]:
    return {name: plan.options.get(name) for name in _OF_A_LEASE}


def _filter(mesh: ProtoMesh | SyncProtoMesh, plan: Plan) -> dict[str, Any]:
    agent_id = plan.options.get("agent_id") or mesh.agent_id
    return {"agent_id": agent_id, "action": plan.action, "namespace": plan.options.get("namespace")}


def _is_of(approval: Approval, plan: Plan) -> bool:
    resources: Sequence[str] = approval.resources or (() if approval.resource is None else (approval.resource,))
    # As it was sent.
    metadata = json.loads(to_json(plan.metadata or {}))
    return sorted(resources) == sorted(names_of(plan.resource)) and dict(approval.metadata or {}) == metadata
