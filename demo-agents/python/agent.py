"""A refund agent: a small loop around a chat model, whose tool asks ProtoMesh before it pays.

The conductor (`dotnet run --project demo-agents -- languages`) starts it with its assignment, a JSON object, as the only
argument, and reads what it says from its standard output.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

try:
    import httpx
    from models import ChatModel, Message, Model, ModelError, Provider, ScriptedModel
    from protomesh import LeaseLostError, ProtoMesh
except ImportError as missing:
    sys.exit(f"The Python agent lacks the package {missing.name}: run demo-agents/prepare, then start it again.")

INSTRUCTIONS = json.loads((Path(__file__).parent.parent / "refunds.json").read_text())
MOST_TURNS = 12


@dataclass(frozen=True)
class Assignment:
    agent: str
    priority: int
    role: str
    customer: str
    claim: str
    wanted: float
    task: str
    url: str
    namespace: str
    records: str


class Agent:
    def __init__(self, job: Assignment, mesh: ProtoMesh, http: httpx.AsyncClient, model: Model) -> None:
        self._job = job
        self._mesh = mesh
        self._http = http
        self._model = model

    async def work(self) -> None:
        messages: list[Message] = [
            {"role": "system", "content": INSTRUCTIONS["system"]},
            {"role": "user", "content": self._job.task},
        ]
        for _ in range(MOST_TURNS):
            answer = await self._model.answer(messages, INSTRUCTIONS["tools"])
            messages.append(answer)
            calls = answer.get("tool_calls") or []
            if not calls:
                tell("says", answer.get("content") or "nothing")
                return
            # A model may call several tools at once. Even two refunds are safe: the second waits for the first.
            texts = await asyncio.gather(*(self._use(call["function"]) for call in calls))
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": text}
                for call, text in zip(calls, texts, strict=True)
            ]
        raise ModelError(f"The model did not come to an end in {MOST_TURNS} turns.")

    async def _use(self, function: Message) -> str:
        """A model's mistakes are answered in words too: it can do better at the next turn."""
        try:
            arguments = json.loads(function["arguments"])
            customer, amount = str(arguments["customer_id"]), arguments.get("amount", 0)
            is_amount = 0 < amount < math.inf
        except (ValueError, LookupError, TypeError, AttributeError):
            return f"Not done: the arguments of {function['name']} are not JSON of the tool's schema. Call it again."
        try:
            if function["name"] == "read_customer":
                return json.dumps(await self._read(customer))
            if function["name"] == "refund" and is_amount:
                return await self._refund(customer, amount)
            return f"Not done: there is no tool {function['name']} for this."
        except httpx.HTTPStatusError as refusal:
            return f"Not done: the record of customer {customer} answered {refusal.response.status_code}."

    async def _refund(self, customer: str, amount: float) -> str:
        tell("asks", f"to pay back ${amount:g} for {self._job.claim}")
        asking = self._mesh.guard(
            "refund",
            f"customer/{customer}",
            priority=self._job.priority,
            wait=120,
            ttl=10,
            reason=self._job.claim,
            metadata={"agent_role": self._job.role, "estimated_cost": amount},
        )
        try:
            async with asking as guard:
                if guard.denial:
                    tell("denied", guard.denial.text)
                    return guard.denial.text
                assert guard.lease  # A guard of a resource has one when it was granted.
                return await self._pay(customer, amount, guard.lease.fencing_token)
        except LeaseLostError:
            return str(guard.text)

    async def _pay(self, customer: str, amount: float, token: int) -> str:
        """Runs under the lock, so that nobody pays between the look at the record and the payment."""
        record = await self._read(customer)
        if any(note["text"] == self._job.claim for note in record["notes"]):
            return f"{self._job.claim} has been paid before; nothing was done."
        await asyncio.sleep(0.3)  # A bank takes its time, and whoever got in between would be overwritten.
        record["notes"].append({"by": self._job.agent, "token": token, "amount": -amount, "text": self._job.claim})
        record["balance"] -= amount
        # The record compares the token: a writer that was stopped for too long is refused there, whatever it believes.
        saved = await self._http.put(self._address(customer), json=record, headers={"Fencing-Token": str(token)})
        saved.raise_for_status()
        return f"Paid back ${amount:g} for {self._job.claim}."

    async def _read(self, customer: str) -> dict[str, Any]:
        found = await self._http.get(self._address(customer))
        record: dict[str, Any] = found.raise_for_status().json()
        return record

    def _address(self, customer: str) -> str:
        return f"{self._job.records}customers/{quote(customer, safe='')}"


def tell(what: str, why: str) -> None:
    print(json.dumps({"what": what, "why": why}), flush=True)


async def main() -> None:
    job = Assignment(**json.loads(sys.argv[1]))
    provider = Provider.from_environment()
    mesh = ProtoMesh(base_urls=[job.url], agent_id=job.agent, namespace=job.namespace)
    async with mesh, httpx.AsyncClient() as http:
        model = ChatModel(provider, http) if provider else ScriptedModel(job.customer, job.wanted)
        await Agent(job, mesh, http, model).work()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ModelError as failure:
        sys.exit(f"python: {failure}")
