"""Questions to the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ._answers.locks import GrantedLock
from ._requests import drop_none, new_request_id
from ._settings import Settings


class _HasGrant(Protocol):
    grant: GrantedLock


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCheck:
    """May this agent do this now? An action alone is a question too. What is None is the lease's, else the client's."""

    action: str
    resource: str | None = None
    metadata: Mapping[str, Any] | None = None
    lease: _HasGrant | None = None
    fencing_token: int | None = None
    agent_id: str | None = None
    request_id: str | None = None
    namespace: str | None = None
    run_id: str | None = None
    approval_id: str | None = None

    @classmethod
    def of(cls, given: PolicyCheck | Mapping[str, Any] | str) -> PolicyCheck:
        """A check in any form."""
        if isinstance(given, PolicyCheck):
            return given
        return cls(action=given) if isinstance(given, str) else cls(**given)


def check_body(check: PolicyCheck, settings: Settings) -> dict[str, Any]:
    """The JSON of POST /v1/policies/check."""
    grant = None if check.lease is None else check.lease.grant
    resource = check.resource or (None if grant is None else grant.resource)
    token = check.fencing_token
    if token is None and grant is not None and resource is not None:
        token = grant.fencing_token
    return drop_none(
        agent_id=check.agent_id or (settings.agent_id if grant is None else grant.agent_id),
        action=check.action,
        namespace=check.namespace or (settings.namespace if grant is None else grant.namespace),
        resource=resource,
        fencing_token=token,
        request_id=check.request_id or new_request_id(),
        metadata=None if check.metadata is None else dict(check.metadata),
        run_id=check.run_id,
        approval_id=check.approval_id,
    )
