"""A lease on its way to another process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ._answers.base import Answer, WrongShapeError, answer
from ._answers.locks import LockedResource


@answer
class Ticket(Answer):
    """What another process needs to take a lease up: the same JSON in every language. It holds the fencing token, so
    give it only to whoever is to have the lease."""

    lock_id: str
    request_id: str
    namespace: str
    agent_id: str
    fencing_token: int = field(repr=False)
    ttl_ms: int
    version: int = 1
    resource: str | None = None
    resources: tuple[LockedResource, ...] | None = None
    mode: str | None = None
    session_id: str | None = None

    def to_json(self) -> str:
        """As text."""
        return json.dumps(self.to_dict())

    @classmethod
    def of(cls, given: Ticket | Mapping[str, Any] | str) -> Ticket:
        """From a ticket in any form. Raises ValueError when it is none, or a newer one than this client knows."""
        if isinstance(given, Ticket):
            return given
        document = json.loads(given) if isinstance(given, str) else given
        if not isinstance(document, Mapping) or document.get("version") != 1:
            raise WrongShapeError("This is no ticket of version 1.")
        return cls.from_dict(document)
