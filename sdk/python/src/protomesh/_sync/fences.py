# Made by scripts/generate_sync.py from _async/fences.py: change that file.
"""Checks fencing tokens for a resource that cannot compare them itself."""

from __future__ import annotations

from .._answers.locks import FenceVerdict
from .._requests import drop_none
from .transport import Sender, post


class Fences:
    """``mesh.fences``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def validate(self, resource: str, fencing_token: int, *, namespace: str | None = None) -> FenceVerdict:
        """Is the token a live lease's of the resource at this moment? A resource that can keep a number beside its data
        should compare tokens itself, in the same step as the write: between this answer and a write a lease can end."""
        body = drop_none(
            namespace=namespace or self._sender.settings.namespace, resource=resource, fencing_token=fencing_token
        )
        return self._sender.ask(FenceVerdict, post("/v1/fences/validate", body))
