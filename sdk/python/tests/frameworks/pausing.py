"""A run that pauses for an approval and goes on in another process: python -m frameworks.pausing FRAMEWORK URL SPACE FOLDER.

The first process runs until the pause, and a later one with the same folder from there. Each prints a line of JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from protomesh import ProtoMesh

from .rigs import Calls

RULE: Any = {"resource": "customer/{customer_id}", "metadata": ["amount"], "on_approval": "pause"}


def script(read: list[str]) -> Calls | str:
    """Refunds, and says what came of it."""
    return read[-1] if read else [("refund", {"customer_id": "123", "amount": 500.0})]


def refund_into(path: Path) -> Callable[..., Any]:
    """A tool that leaves a line for each time that it ran."""

    async def refund(customer_id: str, amount: float) -> str:
        """Refunds a customer."""
        with path.open("a") as ledger:
            ledger.write(f"{customer_id} {amount:g}\n")
        return f"refunded {amount:g}"

    return refund


async def langgraph(mesh: ProtoMesh, folder: Path, tool: Callable[..., Any]) -> dict[str, Any]:
    """create_agent, whose thread is in a file."""
    from langchain.agents import create_agent
    from langgraph.types import Command

    from protomesh.langgraph import ProtoMeshMiddleware

    from .rigs.langgraph_rig import ScriptedChat, tool_of
    from .savers import FileSaver

    state = folder / "thread"
    is_new, saver = not state.exists(), FileSaver(state)
    middleware = [ProtoMeshMiddleware(mesh, {"refund": RULE})]
    agent = create_agent(ScriptedChat(script=script), [tool_of(tool)], middleware=middleware, checkpointer=saver)
    thread: Any = {"configurable": {"thread_id": "t"}}
    given: Any = {"messages": [("user", "go")]}
    if not is_new:
        # Only what the thread itself holds is known here.
        given = Command(resume=(await agent.aget_state(thread)).interrupts[0].value)
    result = await agent.ainvoke(given, thread)
    saver.keep()
    if result.get("__interrupt__"):
        return {"paused": result["__interrupt__"][0].value["approval_id"]}
    return {"answer": result["messages"][-1].text}


async def openai_agents(mesh: ProtoMesh, folder: Path, tool: Callable[..., Any]) -> dict[str, Any]:
    """Runner.run, whose state is in a file."""
    from agents import Agent, Runner, RunState, function_tool

    from protomesh.openai_agents import apply_approvals, protect

    from .rigs.openai_agents_rig import QUIET, ScriptedModel

    kept = folder / "state"
    agent = Agent(name="agent", model=ScriptedModel(script), tools=[protect(function_tool(tool), mesh, RULE)])
    given: Any = "go"
    if kept.exists():
        given = await RunState.from_string(agent, kept.read_text())
        await apply_approvals(given)
    result = await Runner.run(agent, given, run_config=QUIET)
    if result.interruptions:
        kept.write_text(result.to_state().to_string())
        return {"paused": result.interruptions[0].tool_name}
    return {"answer": result.final_output}


async def main(framework: str, url: str, space: str, folder: str) -> None:
    """One process of a run."""
    path = Path(folder)
    async with ProtoMesh(url, agent_id="a", namespace=space, attempt_timeout=30) as mesh:
        run = {"langgraph": langgraph, "openai_agents": openai_agents}[framework]
        print(json.dumps(await run(mesh, path, refund_into(path / "ledger"))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
