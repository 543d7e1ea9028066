"""An agent in a process of its own: python -m frameworks.worker RIG URL AGENT RESOURCE FILE RUNS [hang]."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from protomesh import ProtoMesh

from .rigs import follow, rig
from .work import either


async def main(name: str, url: str, agent: str, resource: str, file: str, runs: str, how: str = "work") -> None:
    """Each run reads a number from the file, takes its time and writes the next one."""
    chosen = rig(name)
    path = Path(file)

    def update(customer_id: str) -> str:
        """Updates a customer."""
        number = int(path.read_text())
        if how == "hang":
            path.with_suffix(".holding").touch()
            time.sleep(600)
        time.sleep(0.15)
        path.write_text(str(number + 1))
        return f"wrote {number + 1}"

    async with ProtoMesh(url, agent_id=agent) as mesh:
        path.with_suffix(f".{agent}").touch()
        while not path.with_suffix(".go").exists():
            await asyncio.sleep(0.01)
        rules = {"update": {"resource": "customer/{customer_id}", "ttl": 1 if how == "hang" else 10}}
        for _ in range(int(runs)):
            script = follow([("update", {"customer_id": resource})], "done")
            told = await chosen.run(mesh, rules, [either(chosen, "update", update)], script)
            assert told.read[0].startswith("wrote "), told
    print("finished", flush=True)


asyncio.run(main(*sys.argv[1:]))
