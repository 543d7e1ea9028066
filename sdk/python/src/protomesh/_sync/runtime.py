"""What the synchronous client needs of threads. ``_async/runtime.py`` has the same names for asyncio."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .._clock import monotonic
from .._tls import tls

if TYPE_CHECKING:
    import httpx

# A thread that has had nothing to do for this long ends, and with it its hold on the client.
_IDLE = 10.0

_log = logging.getLogger("protomesh")


_T = TypeVar("_T")
#: What is read one by one as it comes.
Stream = Generator[_T, None, None]


class Received(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """The HTTP client: the caller's, or one of our own for this process."""

    def __init__(self, given: httpx.Client | None) -> None:
        # Imported here, since it takes longer than all the rest and a program may not need it.
        import httpx

        self._httpx = httpx
        self._given = given
        self._own: httpx.Client | None = None
        self._home = 0
        self._closed = False
        self._gate = threading.Lock()
        self.faults = (httpx.RequestError, httpx.StreamError, OSError, TimeoutError)
        self.never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

    def client(self) -> httpx.Client:
        if self._given is not None:
            return self._given
        if self._own is not None and self._home == os.getpid():
            return self._own
        with self._gate:
            if self._closed:
                raise RuntimeError("the client has been closed")
            # A forked process must not speak over its parent's connections.
            if self._own is None or self._home != os.getpid():
                self._own = self._httpx.Client(
                    timeout=None,
                    verify=tls(),
                    limits=self._httpx.Limits(max_connections=None, max_keepalive_connections=100),
                )
                self._home = os.getpid()
            return self._own

    def send(self, request: httpx.Request, limit: float) -> Received:
        """The whole answer within the limit, or one of ``faults``."""
        until = monotonic() + limit
        # The limits of httpx are for one step each, so what trickles in is watched here.
        response = self.open(request, limit)
        try:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if monotonic() > until:
                    raise TimeoutError("The answer did not end in time.")
        finally:
            response.close()
        return Received(response.status_code, response.headers, bytes(body))

    def open(self, request: httpx.Request, limit: float) -> httpx.Response:
        """An answer whose body is still to be read."""
        times = request.extensions.setdefault("timeout", {})
        for step in ("connect", "read", "write", "pool"):
            times[step] = limit if times.get(step) is None else times[step]
        return self.client().send(request, stream=True, follow_redirects=False)

    def after_fork(self) -> None:
        """In a forked process: a lock that another thread held stays locked for ever."""
        self._gate = threading.Lock()

    def close(self) -> None:
        own, self._own, self._closed = self._own, None, True
        if own is not None and self._home == os.getpid():
            own.close()


def pause(seconds: float) -> None:
    """Waits."""
    threading.Event().wait(seconds)


def before_waiting(call: str) -> None:
    """Refuses to stop an event loop: whoever holds the resource may be another task of it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"This call would wait and so stop the event loop that runs in this thread. Use {call} of ProtoMesh instead, "
        "or call it in a thread (asyncio.to_thread)."
    )


def call_back(function: Callable[..., Any] | None, *arguments: Any) -> None:
    """Calls a function of the caller."""
    if function is not None:
        function(*arguments)


def shielded(work: Callable[..., None], *arguments: Any) -> None:
    """Nothing else runs meanwhile."""
    work(*arguments)


def answered(ask: Callable[[], _T], give_back: Callable[[_T], None], limit: float) -> _T:
    """The answer. Nothing here cancels a caller, so nothing has to be given back."""
    return ask()


class Signal(threading.Event):
    """Is set once."""


class Ticker:
    """Calls a function at the earliest of the times that were planned, in one daemon thread.

    What is spawned runs in daemon threads that are used again: one as a rule, more while a call hangs.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._gate = threading.Condition()
        self._work: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._due: float | None = None
        self._is_running = False
        self._idle = 0
        self._closed = False

    def plan(self, due: float) -> None:
        """Calls at this time of the monotonic clock, if not earlier."""
        with self._gate:
            if self._due is not None and self._due <= due:
                return
            self._due = due
            if self._is_running:
                self._gate.notify_all()
                return
            try:
                threading.Thread(target=self._run, name="protomesh-renewals", daemon=True).start()
                self._is_running = True
            except RuntimeError as fault:
                # What was acquired is still to be had, and a look at the clock still tells its end. The next plan tries
                # again.
                self._due = None
                _log.warning("Leases cannot be renewed just now, since a thread could not be started: %s", fault)

    def spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        """Runs work beside the ticks. Raises RuntimeError when the system has no thread for it."""
        with self._gate:
            if self._closed:
                return
            self._work.append((work, arguments))
            if self._idle >= len(self._work):
                self._gate.notify_all()
                return
            try:
                threading.Thread(target=self._serve, name="protomesh-renewing", daemon=True).start()
            except RuntimeError:
                self._work.pop()
                raise

    def after_fork(self) -> None:
        """In a forked process, which has none of its parent's threads."""
        self._gate = threading.Condition()
        self._work.clear()
        self._due, self._is_running, self._idle = None, False, 0

    def close(self) -> None:
        """Ends the ticks; what was spawned ends by itself. Ticks may be planned again."""
        with self._gate:
            self._closed, self._due = True, None
            self._work.clear()
            self._gate.notify_all()

    def _run(self) -> None:
        while True:
            with self._gate:
                until = monotonic() + _IDLE
                while (next_due := self._due or (0.0 if self._closed else until)) > monotonic():
                    self._gate.wait(next_due - monotonic())
                if self._due is None:
                    self._is_running = False
                    return
                self._due = None
            self._tick()

    def _serve(self) -> None:
        while True:
            with self._gate:
                self._idle += 1
                until = monotonic() + _IDLE
                while not self._closed and not self._work and monotonic() < until:
                    self._gate.wait(until - monotonic())
                self._idle -= 1
                if not self._work:
                    return
                work, arguments = self._work.popleft()
            work(*arguments)


class Scope:
    """Runs a body. A thread cannot be stopped from outside, so a loss is told when the body has ended."""

    def enter(self) -> None:
        """The body begins."""

    def lose(self) -> None:
        """The lease is lost."""

    def leave(self, kind: type[BaseException] | None) -> bool:
        """The body has ended; it was not stopped by us."""
        return False


def is_cancellation(kind: type[BaseException] | None) -> bool:
    """Whether a body ended because somebody stopped it."""
    return kind is not None and not issubclass(kind, Exception)
