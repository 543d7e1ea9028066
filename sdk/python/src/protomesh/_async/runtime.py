"""What the asynchronous client needs of asyncio. ``_sync/runtime.py`` has the same names for threads."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .._clock import monotonic
from .._tls import tls

if TYPE_CHECKING:
    import httpx


_T = TypeVar("_T")
#: What is read one by one as it comes.
Stream = AsyncGenerator[_T, None]


class Received(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """The HTTP client: the caller's, or one of our own for the event loop that runs."""

    def __init__(self, given: httpx.AsyncClient | None) -> None:
        # Imported here, since it takes longer than all the rest and a program may not need it.
        import httpx

        self._httpx = httpx
        self._given = given
        self._own: httpx.AsyncClient | None = None
        self._home: tuple[asyncio.AbstractEventLoop, int] | None = None
        self._closed = False
        self.faults = (httpx.RequestError, httpx.StreamError, OSError, TimeoutError, asyncio.TimeoutError)
        self.never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

    def client(self) -> httpx.AsyncClient:
        if self._given is not None:
            return self._given
        if self._closed:
            raise RuntimeError("the client has been closed")
        # Connections belong to the loop that opened them, and to the process: neither a second asyncio.run nor a
        # fork may use the first one's.
        home = (asyncio.get_running_loop(), os.getpid())
        if self._own is None or self._home != home:
            self._own = self._httpx.AsyncClient(
                timeout=None,
                verify=tls(),
                limits=self._httpx.Limits(max_connections=None, max_keepalive_connections=100),
            )
            self._home = home
        return self._own

    async def send(self, request: httpx.Request, limit: float) -> Received:
        """The whole answer within the limit, or one of ``faults``."""
        async with _within(limit):
            response = await self.client().send(request, follow_redirects=False)
        return Received(response.status_code, response.headers, response.content)

    async def open(self, request: httpx.Request, limit: float) -> httpx.Response:
        """An answer whose body is still to be read."""
        async with _within(limit):
            return await self.client().send(request, stream=True, follow_redirects=False)

    def after_fork(self) -> None:
        """In a forked process: nothing, since another process is another home."""

    async def close(self) -> None:
        own, self._own, self._closed = self._own, None, True
        if own is not None and self._home == (asyncio.get_running_loop(), os.getpid()):
            await own.aclose()


async def pause(seconds: float) -> None:
    """Waits."""
    await asyncio.sleep(seconds)


def before_waiting(call: str) -> None:
    """Nothing: here others run meanwhile. The synchronous client refuses to stop an event loop."""


async def call_back(function: Callable[..., Any] | None, *arguments: Any) -> None:
    """Calls a function of the caller, which may be asynchronous."""
    if function is not None:
        result = function(*arguments)
        if isinstance(result, Awaitable):
            await result


async def shielded(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    """Lets work that bounds itself end also when the caller is cancelled meanwhile; only then the caller hears of it."""
    task = asyncio.ensure_future(work(*arguments))
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancelled:
            interruption = cancelled
    if interruption is not None:
        if not task.cancelled():
            task.exception()
        raise interruption
    task.result()


async def answered(
    ask: Callable[[], Coroutine[Any, Any, _T]], give_back: Callable[[_T], Coroutine[Any, Any, None]], limit: float
) -> _T:
    """The answer to a call that may take something. A caller that is cancelled meanwhile will not hear it, so what it took
    is given back as soon as it is known, if that is within the limit; only then the caller hears of its cancellation."""
    task = asyncio.ensure_future(ask())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await shielded(_give_back_late, task, give_back, limit)
        raise


async def _give_back_late(
    task: asyncio.Future[_T], give_back: Callable[[_T], Coroutine[Any, Any, None]], limit: float
) -> None:
    await asyncio.wait({task}, timeout=limit)
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        await give_back(task.result())


class Signal:
    """Is set once. ``await signal`` waits for it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._event.is_set()

    async def wait(self) -> bool:
        """Waits until it is set."""
        return await self._event.wait()

    def __await__(self) -> Generator[Any, None, bool]:
        return self.wait().__await__()

    def set(self) -> None:
        """Sets it; only the lease does."""
        self._event.set()


class Ticker:
    """Calls a function at the earliest of the times that were planned."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def plan(self, due: float) -> None:
        """Calls at this time of the monotonic clock, if not earlier. Tools that run in threads call it too."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Only a loop that has ended refuses, and with it everything that was to be called.
            if self._loop is not None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self.plan, due)
            return
        if self._handle is not None and self._loop is loop:
            if self._due <= due:
                return
            self._handle.cancel()
        self._loop, self._due = loop, due
        # An empty context: the variables of whoever acquired first do not belong to the renewals of everyone.
        self._handle = loop.call_later(max(0.0, due - monotonic()), self._ring, context=Context())

    def spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
        """Runs work beside the ticks."""
        task = asyncio.ensure_future(work(*arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after_fork(self) -> None:
        """In a forked process, which runs another loop."""
        self._handle, self._loop = None, None
        self._tasks.clear()

    def _ring(self) -> None:
        self._handle = None
        self._tick()

    async def close(self) -> None:
        """Ends the ticks and what was spawned; ticks may be planned again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        tasks = [task for task in self._tasks if task.get_loop() is asyncio.get_running_loop()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class Scope:
    """Runs a body that is cancelled when its lease is lost, and turns that cancellation into the loss.

    As asyncio.timeout does: a cancellation that comes from outside at the same time is never swallowed.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._before = 0
        self._handle: asyncio.Handle | None = None
        self._cancelled = False

    def enter(self) -> None:
        """The body begins."""
        self._task = asyncio.current_task()
        if self._task is not None and sys.version_info >= (3, 11):
            self._before = self._task.cancelling()

    def lose(self) -> None:
        """The lease is lost. The body may be what found out, so it is cancelled from outside."""
        if self._task is not None and self._handle is None:
            self._handle = self._task.get_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._cancelled = True
            self._task.cancel("the lease was lost")

    def leave(self, kind: type[BaseException] | None) -> bool:
        """The body has ended. True when what it ended with is our own cancellation and nobody else's."""
        task, self._task = self._task, None
        if self._handle is not None:
            self._handle.cancel()
        if not self._cancelled or task is None:
            return False
        alone = True
        if sys.version_info >= (3, 11):
            alone = task.uncancel() <= self._before
        return alone and kind is not None and issubclass(kind, asyncio.CancelledError)


def is_cancellation(kind: type[BaseException] | None) -> bool:
    """Whether a body ended because somebody stopped it."""
    return kind is not None and not issubclass(kind, Exception)


if sys.version_info >= (3, 11):
    _within = asyncio.timeout
else:

    class _within:  # noqa: N801
        """What asyncio.timeout is from Python 3.11 on, less its care for two cancellations at once."""

        def __init__(self, limit: float) -> None:
            self._limit = limit
            self._late = False

        async def __aenter__(self) -> None:
            task = asyncio.current_task()
            assert task is not None

            def ring() -> None:
                self._late = True
                task.cancel()

            self._handle = task.get_loop().call_later(self._limit, ring)

        async def __aexit__(
            self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
        ) -> None:
            self._handle.cancel()
            if self._late and kind is asyncio.CancelledError:
                raise TimeoutError from fault
