"""A server on a raw socket that answers as a test wants: wrong, late, half or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass
class Do:
    """What to do with a request: answer it, or forward it first and then spoil the answer."""

    status: int = 200
    body: bytes | dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: Closes the connection with a reset instead of answering.
    reset: bool = False
    #: Answers with the real service's answer.
    forward: bool = False
    #: Closes after so many bytes of the body.
    cut: int | None = None
    #: Waits before the answer; the test ends the wait with ``FaultServer.let_go``.
    hang: bool = False
    #: Seconds before the answer.
    delay: float = 0.0
    #: Seconds between any two bytes of the body.
    trickle: float = 0.0


Script = Callable[[Request], Do]
JSON = {"content-type": "application/json"}


def problem(code: str, status: int, **more: Any) -> Do:
    """A problem document."""
    document = {"type": "", "title": code, "status": status, "code": code, "detail": code, **more}
    return Do(status, document, {"content-type": "application/problem+json"})


class FaultServer:
    """Runs in a thread of its own, so that it also serves tests of the synchronous client."""

    def __init__(self, script: Script | list[Do], upstream: str | None = None) -> None:
        self.requests: list[Request] = []
        self._script = script
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def paths(self) -> list[str]:
        """``METHOD path`` of what came, in order."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def times(self) -> list[float]:
        """When they came."""
        return [request.at for request in self.requests]

    def stop_listening(self) -> None:
        """From now on the address is dead."""

        async def stop() -> None:
            self._server.close()

        self._run(stop())

    def let_go(self) -> None:
        """Ends every hang, now and later."""
        self._loop.call_soon_threadsafe(self._released.set)

    def close(self) -> None:
        """Ends it with all connections."""

        async def end() -> None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                if isinstance(self._script, list):
                    do = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                else:
                    do = self._script(request)
                answer = await self._answer(request, do)
                if do.delay:
                    await asyncio.sleep(do.delay)
                if do.hang:
                    await self._released.wait()
                if do.reset:
                    writer.transport.abort()
                    return
                at = answer.index(b"\r\n\r\n") + 4 if do.trickle else len(answer)
                writer.write(answer[:at])
                for byte in answer[at:]:
                    await asyncio.sleep(do.trickle)
                    writer.write(bytes([byte]))
                await writer.drain()
                if do.cut is not None or do.forward:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, do: Do) -> bytes:
        if do.forward:
            return await self._forward(request)
        body = json.dumps(do.body).encode() if isinstance(do.body, dict) else do.body or b""
        headers = {**({} if isinstance(do.body, bytes) else JSON), "content-length": str(len(body)), **do.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {do.status} X\r\n{head}\r\n".encode() + (body if do.cut is None else body[: do.cut])

    async def _forward(self, request: Request) -> bytes:
        assert self._upstream is not None
        to = urlsplit(self._upstream)
        reader, writer = await asyncio.open_connection(to.hostname, to.port)
        try:
            headers = {**request.headers, "connection": "close", "host": to.netloc}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"{request.method} {request.path} HTTP/1.1\r\n{head}\r\n".encode() + request.body)
            return await reader.read(-1)
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
