"""Waits in threads that end when whoever asked for them is gone.

A thread cannot be cancelled, but its request can be taken back: then the call that waits ends with a refusal.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic

from .._errors import MeshError, NotFoundError
from .._sync.client import SyncProtoMesh
from .._sync.runtime import pause
from .rules import Plan

_TAKE_BACK_LIMIT = 3.0
_TAKE_BACK_AGAIN = 0.2


class Waits:
    """The calls of protected tools that wait within one block."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._open: set[Wait] = set()
        self._ended = False

    def begin(self, mesh: SyncProtoMesh, plan: Plan) -> Wait | None:
        """None: the block has ended, so nothing may begin."""
        wait = Wait(self, mesh, plan)
        with self._gate:
            if self._ended:
                return None
            self._open.add(wait)
        return wait

    @property
    def has_ended(self) -> bool:
        """Whether whoever asked is gone."""
        return self._ended

    def close(self, wait: Wait) -> bool:
        """Whether the call may go on."""
        with self._gate:
            self._open.discard(wait)
            return not self._ended

    def is_open(self, wait: Wait) -> bool:
        """Whether it still waits."""
        with self._gate:
            return wait in self._open

    def end(self) -> None:
        """Takes back what waits, for at most 3 s. What runs already goes on."""
        with self._gate:
            self._ended = True
            left = list(self._open)
        threads = [threading.Thread(target=wait.take_back, name="protomesh-taking-back", daemon=True) for wait in left]
        for thread in threads:
            thread.start()
        until = monotonic() + _TAKE_BACK_LIMIT
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))


class Wait:
    """One call that waits."""

    def __init__(self, waits: Waits, mesh: SyncProtoMesh, plan: Plan) -> None:
        self._waits = waits
        self._mesh = mesh
        self._request_id: str = plan.options["request_id"]
        self._namespace: str | None = plan.options.get("namespace")
        self._resource = _first(plan)

    def end(self) -> bool:
        """It has its answer. Whether it may go on."""
        return self._waits.close(self)

    def take_back(self) -> None:
        """The request may not have reached the service yet, so "unknown" is asked again while it waits."""
        until = monotonic() + _TAKE_BACK_LIMIT
        while monotonic() < until and self._waits.is_open(self):
            try:
                self._mesh.locks.cancel_request(self._request_id, self._resource, namespace=self._namespace)
                return
            except NotFoundError:
                pause(_TAKE_BACK_AGAIN)
            except MeshError:
                with suppress(MeshError):
                    pause(_TAKE_BACK_AGAIN)


def _first(plan: Plan) -> str:
    if isinstance(plan.resource, str):
        return plan.resource
    first = next(iter(plan.resource or ()), "")
    if isinstance(first, str):
        return first
    return str(first["resource"] if isinstance(first, dict) else getattr(first, "resource", ""))
