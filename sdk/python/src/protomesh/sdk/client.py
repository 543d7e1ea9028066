"""The first version's client for agents that were written for it: the same methods and answers, without Redis.

A new agent uses ``protomesh.ProtoMesh``: its leases renew themselves, say when they are lost and have fencing tokens.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable
from time import monotonic
from typing import Any, Final
from urllib.parse import quote

import httpx

from .._clock import Backoff
from .._tls import tls

_log = logging.getLogger("protomesh")

# As long as the service is asked to hold a wait open: common proxies cut at 10 s.
_SLICE: Final = 8
_PATIENCE: Final = 10.0


class ProtoMeshClient:
    """Speaks for one agent. A lock that is not released ends after 300 s."""

    def __init__(self, api_url: str, agent_id: str) -> None:
        self.api_url = api_url.rstrip("/")
        self.agent_id = agent_id
        key = os.environ.get("PROTOMESH_API_KEY")
        self.client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else None, timeout=_PATIENCE, verify=tls()
        )

    async def acquire_lock(
        self,
        resource_type: str,
        resource_id: str,
        priority: int = 5,
        wait: bool = False,
        max_wait_seconds: float = 60,
    ) -> dict[str, Any]:
        """``{"status": "acquired", "lock_id", ...}``, ``{"status": "queued", "lock_id", "position"}`` without ``wait``, or
        ``{"status": "error", "message"}``. Higher priorities are sooner, up to 10.

        Raises TimeoutError when a wait ends without the lock; nothing stays in the queue then.
        """
        ends = monotonic() + max_wait_seconds
        asked = {
            "resource_type": resource_type,
            "resource_id": resource_id,
            "agent_id": self.agent_id,
            "priority": priority,
        }
        answer = await self._ask(asked)
        if answer["status"] != "queued" or not wait:
            return answer
        _log.info("%s waits at position %s.", self.agent_id, answer["position"])
        try:
            while monotonic() < ends:
                answer = await self._wait(answer, asked, ends)
                if answer["status"] != "queued":
                    return answer
        except BaseException:
            await self._finish(self._take_back(answer))
            raise
        await self._finish(self._take_back(answer))
        raise TimeoutError(f"Failed to acquire lock after {max_wait_seconds}s")

    async def release_lock(self, lock_id: str) -> dict[str, Any]:
        """``{"status": "released", "next_agent"}``, or ``{"status": "error", "message"}``."""
        return await self._post("/v1/locks/release", {"lock_id": lock_id, "agent_id": self.agent_id})

    async def check_lock(self, lock_id: str) -> dict[str, Any]:
        """``{"status": "active", "agent_id", "acquired_at", ...}``, or ``{"status": "expired"}``."""
        return _read(await self.client.get(f"{self.api_url}/v1/locks/{quote(lock_id, safe='')}/status"))

    async def check_policy(self, action: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """``{"allowed", "reason", ...}``."""
        return await self._post(
            "/v1/policies/check", {"agent_id": self.agent_id, "action": action, "metadata": metadata}
        )

    async def close(self) -> None:
        """Closes the connections. Releases nothing."""
        await self.client.aclose()

    async def _wait(self, queued: dict[str, Any], asked: dict[str, Any], ends: float) -> dict[str, Any]:
        """The lock, or the place in the queue after some seconds. What breaks on the way is tried again."""
        backoff = Backoff()
        path = f"{self.api_url}/v1/locks/{quote(queued['lock_id'], safe='')}/wait"
        while (left := ends - monotonic()) > 0:
            began = monotonic()
            try:
                answer = await self.client.post(
                    path, headers={"Prefer": f"wait={min(_SLICE, int(left))}"}, timeout=min(left, _SLICE) + _PATIENCE
                )
            except httpx.TransportError as fault:
                _log.warning("%s could not wait, and tries again: %s", self.agent_id, fault)
            else:
                if answer.status_code == 200:
                    grant = answer.json()
                    return {
                        "status": "acquired",
                        "lock_id": grant["lock_id"],
                        "expires_in": grant["expires_in_ms"] // 1000,
                        "method": "wait",
                    }
                if answer.status_code in (404, 409, 410):
                    # The request is gone, as after a loss of the store: it takes a new place.
                    return await self._ask(asked)
                if answer.status_code < 500 and answer.status_code != 202:
                    answer.raise_for_status()
            # A service that answers early, as while it stops, is not called in a tight loop.
            pause = backoff.next() - (monotonic() - began)
            await asyncio.sleep(max(0.0, min(pause, ends - monotonic())))
        return queued

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A request whose caller is cancelled meanwhile is taken back, once its answer has said what it became."""
        asking = asyncio.ensure_future(self._post("/v1/locks/acquire", asked))
        try:
            await self._finish(asking)
        except asyncio.CancelledError:
            if not asking.cancelled() and asking.exception() is None:
                await self._finish(self._take_back(asking.result()))
            raise
        return asking.result()

    async def _take_back(self, answer: dict[str, Any]) -> None:
        """Leaves the queue, or releases what was granted at the last moment."""
        if "lock_id" in answer:
            try:
                await self.release_lock(answer["lock_id"])
            except httpx.HTTPError as fault:
                _log.warning("%s could not take its request back: %s", self.agent_id, fault)

    @staticmethod
    async def _finish(work: Awaitable[Any]) -> None:
        """Lets it end although the caller is cancelled meanwhile; only then the caller hears of it."""
        task = asyncio.ensure_future(work)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as again:
                cancelled = again
        if cancelled is not None:
            raise cancelled

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _read(await self.client.post(self.api_url + path, json=body))


def _read(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    document = answer.json()
    assert isinstance(document, dict)
    return document
