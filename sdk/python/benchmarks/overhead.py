#!/usr/bin/env python3
"""What the SDK adds to the two HTTP calls of an acquire and a release.

    python benchmarks/overhead.py [URL] [--rounds N]

Both sides run in one process against one service, one after another in turn, so that whatever else the machine does meets
both. The figure is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable

import httpx

from protomesh import ProtoMesh

PAIRS = 20


async def through_httpx(http: httpx.AsyncClient, resource: str) -> None:
    body = {"request_id": uuid.uuid4().hex, "resource": resource, "agent_id": "bench", "wait_ms": 30_000}
    answer = await http.post("/v1/locks", json=body, headers={"Prefer": "wait=8"})
    grant = answer.json()
    path = f"/v1/locks/{grant['lock_id']}/release"
    (await http.post(path, json={"fencing_token": grant["fencing_token"]})).json()


async def through_sdk(mesh: ProtoMesh, resource: str) -> None:
    lease = await mesh.locks.acquire(resource)
    await lease.release()


class Side:
    """What one of the two took, a pair of calls, round by round."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.processor: list[float] = []

    async def run(self, call: Callable[[], Awaitable[None]]) -> None:
        """One round."""
        began, used = time.perf_counter(), time.process_time()
        for _ in range(PAIRS):
            await call()
        self.seconds.append((time.perf_counter() - began) / PAIRS)
        self.processor.append((time.process_time() - used) / PAIRS)


async def measure(url: str, rounds: int) -> tuple[Side, Side]:
    """Bare, and through the SDK."""
    bare, sdk = Side(), Side()
    resource = f"bench/{uuid.uuid4().hex}"
    async with httpx.AsyncClient(base_url=url) as http, ProtoMesh(url, agent_id="bench") as mesh:
        for _ in range(50):
            await through_httpx(http, resource)
            await through_sdk(mesh, resource)
        gc.disable()
        for number in range(rounds):
            turns = [
                bare.run(lambda: through_httpx(http, resource)),
                sdk.run(lambda: through_sdk(mesh, resource)),
            ]
            for turn in turns if number % 2 else reversed(turns):
                await turn
        gc.enable()
    return bare, sdk


def added(sdk: list[float], bare: list[float]) -> float:
    """In per cent, the median of the rounds."""
    return (statistics.median(one / other for one, other in zip(sdk, bare, strict=True)) - 1) * 100


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url", nargs="?", default=os.environ.get("PROTOMESH_URL", "http://localhost:8000"))
    options.add_argument("--rounds", type=int, default=60)
    chosen = options.parse_args()
    bare, sdk = asyncio.run(measure(chosen.url, chosen.rounds))
    print(f"bare httpx  {statistics.median(bare.seconds) * 1000:.2f} ms for acquire and release")
    print(f"the SDK     {statistics.median(sdk.seconds) * 1000:.2f} ms")
    print(f"overhead    {added(sdk.seconds, bare.seconds):+.1f} % (median of {chosen.rounds} rounds of {PAIRS} pairs)")
    print(f"of the processor {added(sdk.processor, bare.processor):+.1f} %")


if __name__ == "__main__":
    main()
