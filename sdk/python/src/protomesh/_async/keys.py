"""Makes, rotates and revokes keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .._answers.keys import ApiKey, ApiKeyPage, IssuedKey
from .._requests import drop_none, to_ms
from .locks import pages
from .runtime import Stream
from .transport import Call, Sender, escape, get, post


class Keys:
    """``mesh.keys``, for admins."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create(
        self,
        role: str,
        *,
        name: str | None = None,
        comment: str | None = None,
        namespace: str | None = None,
        agent_id: str | None = None,
        agent_prefix: str | None = None,
        team: str | None = None,
        labels: Mapping[str, str] | None = None,
        groups: Sequence[str] | None = None,
        max_priority: int | None = None,
        max_ttl: float | None = None,
        expires_at: datetime | str | None = None,
    ) -> IssuedKey:
        """A new key, whose text is shown this once. ``role`` is agent, viewer, approver, operator, auditor or admin;
        ``groups`` are those whose approvals it may decide.

        It is sent once, since a second one would make a second key: after UnavailableError look at ``list`` first.
        """
        body = self._body(
            namespace,
            role=role,
            name=name,
            comment=comment,
            agent_id=agent_id,
            agent_prefix=agent_prefix,
            team=team,
            labels=None if labels is None else dict(labels),
            groups=None if groups is None else list(groups),
            max_priority=max_priority,
            max_ttl_ms=to_ms(max_ttl),
            expires_at=expires_at,
        )
        return await self._sender.ask(IssuedKey, post("/v1/keys", body, once=True))

    async def list(self, *, namespace: str | None = None, limit: int | None = None) -> Stream[ApiKey]:
        """The keys of a namespace, page by page as they are read; ``limit`` is the size of a page."""
        query = self._body(namespace, limit=limit)
        async for page in pages(self._sender, ApiKeyPage, "/v1/keys", query):
            for one in page.keys:
                yield one

    async def get(self, key_id: str) -> ApiKey:
        """A key by the part of its text that is no secret. Raises NotFoundError."""
        return await self._sender.ask(ApiKey, get(f"/v1/keys/{escape(key_id)}"))

    async def rotate(self, key_id: str, *, overlap: float | None = None) -> IssuedKey:
        """A new text for a key; the old one stays good for ``overlap`` seconds, an hour by default and a day at most.

        It is sent once: after UnavailableError look whether ``rotated_at`` of ``get`` has changed.
        """
        body = drop_none(overlap_ms=to_ms(overlap))
        return await self._sender.ask(IssuedKey, post(f"/v1/keys/{escape(key_id)}/rotate", body, once=True))

    async def revoke(self, key_id: str) -> ApiKey:
        """Ends a key, in all replicas within a second."""
        return await self._sender.ask(ApiKey, Call("DELETE", f"/v1/keys/{escape(key_id)}"))

    def _body(self, namespace: str | None, **fields: Any) -> dict[str, Any]:
        return drop_none(namespace=namespace or self._sender.settings.namespace, **fields)
