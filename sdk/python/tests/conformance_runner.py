"""Replays tests/conformance against a stage: python -m conformance_runner, in this folder.

PROTOMESH_STAGE is the stage's URL, PROTOMESH_SCENARIOS the folder of the scenarios, PROTOMESH_ONLY a part of an id. Writes
one line of JSON for each scenario; what the scenarios mean is described in tests/conformance/README.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import string
import sys
import time
from collections import ChainMap
from pathlib import Path
from typing import Any

import httpx

from conformance_ops import HeldGuard, begun, listen, run_op, units, wire, wire_error
from conformance_patterns import MissingValueError, differs, fill
from protomesh import MeshError, ProtoMesh

_STEP_LIMIT = 20.0
_AT_ONCE = 16
_STEP_KEYS = {"actor", "op", "args", "on", "save", "expect", "took_ms", "until_ms", "within_ms", "start"}
_JOIN_KEYS = {"join", "expect", "save", "took_ms", "within_ms"}


class ScenarioFailedError(Exception):
    """What was found is not what was expected."""


class Outcome:
    """What came of an op: a result, or an error."""

    def __init__(self, result: Any = None, error: dict[str, Any] | None = None, took_ms: float = 0) -> None:
        self.result = result
        self.error = error
        self.took_ms = took_ms

    def differs(self, expect: dict[str, Any] | None) -> str | None:
        if expect is None:
            return None if self.error is None else f"failed: {json.dumps(self.error, ensure_ascii=False)[:600]}"
        if "error" in expect:
            found = self.error
            return (
                f"expected an error, found {wire(self.result)!r}" if found is None else differs(expect["error"], found)
            )
        if self.error is not None:
            return f"failed: {json.dumps(self.error, ensure_ascii=False)[:600]}"
        if expect.get("null"):
            return None if self.result is None else f"expected null, found {wire(self.result)!r}"
        return differs(expect["value"], wire(self.result))

    def count_as(self) -> str:
        if self.error is not None:
            return str(self.error["code"])
        return "ok"


class Scenario:
    """One run of one scenario."""

    def __init__(self, text: dict[str, Any], stage: httpx.AsyncClient, shared: dict[str, Any]) -> None:
        self._text = text
        self._stage = stage
        self._shared = shared
        letters = string.ascii_lowercase + string.digits
        run = random.choice(string.ascii_lowercase) + "".join(random.choice(letters) for _ in range(7))
        self.saved: Any = {"run": run}
        self.guards: list[HeldGuard] = []
        self._things: dict[str, Any] = {}
        self._clients: dict[str, ProtoMesh] = {}
        self._background: dict[str, asyncio.Task[Outcome]] = {}
        self._inside: dict[str, int] = {}
        self._server: dict[str, Any] | None = None
        self._proxy: dict[str, Any] | None = None

    async def run(self) -> None:
        try:
            if "server" in self._text:
                self._server = await self._ask("POST", "/stage/servers", fill(self._text["server"], self.saved))
            if "faults" in self._text:
                rules = {"faults": fill(self._text["faults"], self.saved)}
                if self._server is not None:
                    rules["target"] = self._server["url"]
                self._proxy = await self._ask("POST", "/stage/proxies", rules)
            for number, step in enumerate(self._text["steps"], 1):
                what = step.get("op") or next(iter(step))
                try:
                    await self._step(step, self.saved)
                except ScenarioFailedError as wrong:
                    raise ScenarioFailedError(f"step {number}, {what}: {wrong}") from None
                except Exception as fault:
                    raise ScenarioFailedError(f"step {number}, {what}: {type(fault).__name__}: {fault}") from fault
        finally:
            await self._end()

    async def _end(self) -> None:
        for task in self._background.values():
            task.cancel()
        if self._background:
            await asyncio.wait(self._background.values())
        for guard in self.guards:
            await guard.abandon()
        for mesh in self._clients.values():
            await mesh.close()
        for kind, made in (("proxies", self._proxy), ("servers", self._server)):
            if made is not None:
                await self._stage.delete(f"/stage/{kind}/{made['id']}")

    async def _step(self, step: dict[str, Any], saved: Any) -> None:
        if "together" in step:
            await self._together(step, saved)
        elif "sleep_ms" in step:
            await asyncio.sleep(step["sleep_ms"] / 1000)
        elif "give_up" in step:
            self._background[fill(step["give_up"], saved)].cancel()
        elif "join" in step:
            self._judge(step, await self._join(step, saved), saved)
        elif "start" in step:
            event = asyncio.Event()
            token = begun.set(event)
            try:
                task = asyncio.create_task(self._do(step, saved))
            finally:
                begun.reset(token)
            self._background[fill(step["start"], saved)] = task
            ringing = asyncio.create_task(event.wait())
            await asyncio.wait({task, ringing}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            ringing.cancel()
        else:
            self._judge(step, await self._do(step, saved), saved)

    async def _join(self, step: dict[str, Any], saved: Any) -> Outcome:
        _known(step, _JOIN_KEYS)
        limit = step.get("within_ms", _STEP_LIMIT * 1000) / 1000
        name = fill(step["join"], saved)
        done, _ = await asyncio.wait({self._background[name]}, timeout=limit)
        if not done:
            raise ScenarioFailedError(f"{name} did not end within {limit} s")
        return await self._background.pop(name)

    async def _do(self, step: dict[str, Any], saved: Any) -> Outcome:
        """One op, repeated until it meets what is expected if the step says so."""
        _known(step, _STEP_KEYS)
        began = time.monotonic()
        limit = step.get("within_ms", max(_STEP_LIMIT * 1000, step.get("until_ms", 0))) / 1000
        ends = began + step.get("until_ms", 0) / 1000
        while True:
            try:
                outcome = await self._bounded(step, saved, limit)
                wrong = outcome.differs(fill(step.get("expect"), saved)) if "until_ms" in step else None
            except MissingValueError as missing:
                if "until_ms" not in step:
                    raise
                outcome, wrong = Outcome(error={"code": "missing", "message": str(missing)}), str(missing)
            outcome.took_ms = (time.monotonic() - began) * 1000
            if wrong is None or time.monotonic() >= ends:
                return outcome
            await asyncio.sleep(0.05)

    async def _bounded(self, step: dict[str, Any], saved: Any, limit: float) -> Outcome:
        task = asyncio.create_task(self._try(step, saved))
        try:
            done, _ = await asyncio.wait({task}, timeout=limit)
        except asyncio.CancelledError:
            # The caller gives up: the op hears of it in the way of the language, and ends before this does.
            task.cancel()
            await asyncio.wait({task})
            return Outcome(error={"code": "given_up", "class": "GivenUp"}) if task.cancelled() else task.result()
        if not done:
            task.cancel()
            await asyncio.wait({task})
            raise ScenarioFailedError(f"it did not end within {limit} s")
        return task.result()

    async def _try(self, step: dict[str, Any], saved: Any) -> Outcome:
        on = self._things[fill(step["on"], saved)] if "on" in step else None
        args = fill(step.get("args", {}), saved)
        try:
            return Outcome(
                await run_op(step["op"], fill(step["actor"], saved) if "actor" in step else "", args, on, self)
            )
        except MeshError as error:
            return Outcome(error=wire_error(error))

    def _judge(self, step: dict[str, Any], outcome: Outcome, saved: Any) -> None:
        wrong = outcome.differs(fill(step.get("expect"), saved))
        if wrong is None and "took_ms" in step:
            wrong = differs(fill(step["took_ms"], saved), outcome.took_ms, "took_ms")
        if wrong is not None:
            raise ScenarioFailedError(wrong)
        if "save" in step:
            name = fill(step["save"], saved)
            self.saved[name] = wire(outcome.result)
            self._things[name] = outcome.result

    async def _together(self, step: dict[str, Any], saved: Any) -> None:
        barrier = asyncio.Event()
        counts: dict[str, int] = {}

        async def member(one: dict[str, Any], scope: Any) -> None:
            await barrier.wait()
            steps = one.get("steps") or [{key: value for key, value in one.items() if key != "repeat"}]
            outcome = Outcome()
            for part in steps:
                if "count" not in step or "expect" in part or not part.keys() & {"op", "join"} or "start" in part:
                    await self._step(part, scope)
                    continue
                outcome = await (self._join(part, scope) if "join" in part else self._do(part, scope))
                if outcome.error is not None:
                    break
                self._judge(part, outcome, scope)
            was_nothing = outcome.error is None and outcome.result is None and steps[-1].get("op") == "try_acquire"
            result = "null" if was_nothing else outcome.count_as()
            counts[result] = counts.get(result, 0) + 1

        copies = []
        for one in step["together"]:
            for number in range(one.get("repeat", {}).get("times", 1)):
                scope = ChainMap({"i": number}, saved)
                copies.append(asyncio.create_task(member(one, scope)))
        barrier.set()
        await asyncio.gather(*copies)
        if "count" in step:
            unexpected = counts.keys() - step["count"].keys()
            wrong = differs(fill(step["count"], saved), counts, "count")
            if wrong is not None or unexpected:
                raise ScenarioFailedError(wrong or f"count: {counts}")

    async def client(self, actor: str) -> ProtoMesh:
        """The actor's client, made when it is first asked for."""
        if actor not in self._clients:
            settings = fill(self._text.get("clients", {}).get(actor, {}), self.saved)
            default = "proxy" if self._proxy is not None else "own" if self._server is not None else "server"
            urls = [self._url(kind) for kind in settings.pop("urls", [default])]
            self._clients[actor] = listen(ProtoMesh(urls, **{"agent_id": actor, **units(settings)}))
        return self._clients[actor]

    def _url(self, kind: str) -> str:
        made = {
            "proxy": self._proxy,
            "own": self._server,
            "server": self._shared,
            "dead": {"url": self._shared["dead"]},
        }[kind]
        assert made is not None
        return str(made["url"])

    async def close_client(self, actor: str) -> None:
        """A later step makes a new one."""
        mesh = self._clients.pop(actor, None)
        if mesh is not None:
            await mesh.close()

    def section(self, call: str, section: str, most: int = 1) -> None:
        """A counter of who is inside."""
        inside = self._inside.get(section, 0) + (1 if call == "enter" else -1)
        if call == "enter" and inside > most:
            raise ScenarioFailedError(f"{inside} are inside {section} at once")
        self._inside[section] = inside

    async def stage_op(self, call: str, args: dict[str, Any]) -> Any:
        """What the stage does to the scenario's own proxy and server."""
        if call == "requests":
            assert self._proxy is not None
            return (await self._ask("GET", f"/stage/proxies/{self._proxy['id']}"))["requests"]
        assert self._server is not None
        return await self._ask("POST", f"/stage/servers/{self._server['id']}/{call}", args)

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._stage.request(method, path, json=body)
        if not answer.is_success:
            raise ScenarioFailedError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None


def _known(step: dict[str, Any], keys: set[str]) -> None:
    unknown = step.keys() - keys
    if unknown:
        raise ScenarioFailedError(f"There is no key {', '.join(unknown)}.")


async def _run_all(stage_url: str, folder: Path, only: str) -> bool:
    passed_all = True
    gate = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(base_url=stage_url, timeout=90, limits=httpx.Limits(max_connections=None)) as stage:
        shared = (await stage.get("/stage")).json()

        async def one(topic: str, text: dict[str, Any]) -> None:
            nonlocal passed_all
            async with gate:
                began = time.monotonic()
                error = None
                try:
                    await Scenario(text, stage, shared).run()
                except ScenarioFailedError as wrong:
                    error = str(wrong)
                except Exception as fault:
                    error = f"{type(fault).__name__}: {fault}"
            ms = round((time.monotonic() - began) * 1000)
            passed_all = passed_all and error is None
            line = {"scenario": f"{topic}/{text['name']}", "passed": error is None, "ms": ms, "error": error}
            print(json.dumps(line, ensure_ascii=False), flush=True)

        tasks = []
        for path in sorted(folder.glob("*.json")):
            document = json.loads(path.read_text(encoding="utf-8"))
            for text in document.get("scenarios", []):
                chosen = only in f"{document['topic']}/{text['name']}"
                tasks += [asyncio.create_task(one(document["topic"], text))] if chosen else []
        await asyncio.gather(*tasks)
    return passed_all


def main() -> int:
    """Runs what the environment names."""
    stage, folder = os.environ.get("PROTOMESH_STAGE"), os.environ.get("PROTOMESH_SCENARIOS")
    if not stage or not folder:
        print("Set PROTOMESH_STAGE and PROTOMESH_SCENARIOS; see tests/conformance/README.md.", file=sys.stderr)
        return 2
    passed = asyncio.run(_run_all(stage, Path(folder), os.environ.get("PROTOMESH_ONLY", "")))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
