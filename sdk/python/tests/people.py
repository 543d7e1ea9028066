"""A namespace whose policy wants people to approve."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from helpers import until_async
from protomesh import ProtoMesh

DOCUMENT = """
apiVersion: protomesh.dev/policy/v1
name: ours
defaults: { effect: allow }
metadata:
  amount: { type: number, default: 0 }
rules:
  - id: small-is-free
    actions: [refund]
    when: "metadata.amount > 50"
    effect: require_approval
    approvers: { group: ops, quorum: 1, expires: 1h }
    message: "'A person has to see this.'"
  - id: never
    actions: [destroy]
    when: "true"
    effect: deny
"""


async def new_space(connect: Callable[..., ProtoMesh], document: str = DOCUMENT, name: str | None = None) -> str:
    """Its name; what the document says decides there."""
    name = name or "n" + uuid.uuid4().hex[:10]
    mesh = connect(namespace=name)
    policy = await mesh.policies.put("ours", document)
    await mesh.policies.activate("ours", policy.version, if_match="*")

    async def decides() -> bool:
        return (await mesh.policies.check("read", dry_run=True)).policy.name == "ours"

    await until_async("it decides", decides)
    return name
