"""One run at a time on a thread of a graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .._async.client import ProtoMesh
from .._async.lease import Lease
from .._requests import LeaseOptions
from .._sync.lease import SyncLease
from .rules import own_requests
from .tasks import stop

if TYPE_CHECKING:
    from typing_extensions import Unpack

# What runs on a thread of a graph and would not take its lock.
_UNLOCKED = frozenset(
    {
        "abatch",
        "abatch_as_completed",
        "abulk_update_state",
        "as_tool",
        "assign",
        "astream_events",
        "astream_log",
        "atransform",
        "batch",
        "batch_as_completed",
        "bind",
        "bulk_update_state",
        "map",
        "pick",
        "pipe",
        "stream_events",
        "transform",
        "with_alisteners",
        "with_config",
        "with_fallbacks",
        "with_listeners",
        "with_retry",
        "with_types",
    }
)


class _Hold:
    """A run that holds the lock of its thread. A task that the run began takes a copy of its context along and may outlive
    it, so what stands there is asked whether the run still goes on."""

    def __init__(self, name: str, lease: Lease | SyncLease) -> None:
        self._name = name
        self._lease = lease
        self.has_ended = False

    def covers(self, name: str) -> bool:
        """Whether this thread's lock is held now."""
        return self._name == name and not self.has_ended and self._lease.is_held


# What the running code holds already: a graph that calls itself must not wait for itself.
_held: ContextVar[tuple[_Hold, ...]] = ContextVar("protomesh_threads", default=())


def exclusive_thread(graph: Any, mesh: ProtoMesh, **options: Unpack[LeaseOptions]) -> ExclusiveThread:
    """The same compiled graph, where a run holds the lock ``langgraph/thread/{thread_id}``: two runs on one thread, in
    whatever processes, come one after the other instead of writing over each other's checkpoints. ``options`` are those of
    ``mesh.lock``; who does not get the lock within ``wait`` has a LockTimeoutError.

    An interrupt ends a run, so nothing is held while a person thinks.
    """
    return ExclusiveThread(graph, mesh, options)


class ExclusiveThread:
    """A compiled graph whose runs take the lock of their thread. What it does not run itself is the graph's own."""

    def __init__(self, graph: Any, mesh: ProtoMesh, options: LeaseOptions) -> None:
        own_requests(options)
        #: The graph itself, without locks.
        self.graph = graph
        self._mesh = mesh
        self._options = options

    def __getattr__(self, name: str) -> Any:
        if name in _UNLOCKED:
            raise AttributeError(
                f"{name} would run without the lock of its thread. Use invoke, ainvoke, stream, astream, update_state or "
                f"aupdate_state; the graph itself is .graph."
            )
        return getattr(self.graph, name)

    def invoke(self, input: Any, config: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Runs to the end or to an interrupt."""
        with self._hold_sync(config):
            return self.graph.invoke(input, config, **more)

    async def ainvoke(self, input: Any, config: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Runs to the end or to an interrupt. Losing the lock cancels the run and raises LeaseLostError."""
        async with self._hold(config):
            return await self.graph.ainvoke(input, config, **more)

    def update_state(self, config: Mapping[str, Any], values: Any, **more: Any) -> Any:
        """Writes a checkpoint."""
        with self._hold_sync(config):
            return self.graph.update_state(config, values, **more)

    async def aupdate_state(self, config: Mapping[str, Any], values: Any, **more: Any) -> Any:
        """Writes a checkpoint."""
        async with self._hold(config):
            return await self.graph.aupdate_state(config, values, **more)

    def stream(self, input: Any, config: Mapping[str, Any] | None = None, **more: Any) -> Iterator[Any]:
        """Holds the lock until the last part was read or the iterator is closed."""
        name = self._name(config)
        if _is_held(name):
            yield from self.graph.stream(input, config, **more)
            return
        with self._mesh.sync.lock(name, **self._options) as lease:
            parts = self.graph.stream(input, config, **more)
            hold = _Hold(name, lease)
            try:
                while True:
                    with _within(hold):
                        try:
                            part = next(parts)
                        except StopIteration:
                            return
                    lease.check()
                    yield part
            finally:
                parts.close()
                hold.has_ended = True

    async def astream(
        self, input: Any, config: Mapping[str, Any] | None = None, **more: Any
    ) -> AsyncGenerator[Any, None]:
        """Holds the lock until the run has ended or the iterator is closed. Losing it raises LeaseLostError."""
        # A generator's reader may run in several tasks, but what a loss has to cancel is the run: it has one of its own.
        parts: asyncio.Queue[Any] = asyncio.Queue(1)

        async def run() -> None:
            async with self._hold(config):
                async for part in self.graph.astream(input, config, **more):
                    await parts.put(part)

        running = asyncio.ensure_future(run())
        try:
            while True:
                reading = asyncio.ensure_future(parts.get())
                try:
                    await asyncio.wait({reading, running}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not reading.done():
                        reading.cancel()
                if reading.done():
                    yield reading.result()
                    continue
                while not parts.empty():
                    yield parts.get_nowait()
                running.result()
                return
        finally:
            if not running.done():
                await stop(running)
            if not running.cancelled():
                running.exception()

    @contextmanager
    def _hold_sync(self, config: Mapping[str, Any] | None) -> Iterator[None]:
        name = self._name(config)
        if _is_held(name):
            yield
            return
        with self._mesh.sync.lock(name, **self._options) as lease, _holding(_Hold(name, lease)):
            yield

    @asynccontextmanager
    async def _hold(self, config: Mapping[str, Any] | None) -> AsyncIterator[None]:
        name = self._name(config)
        if _is_held(name):
            yield
            return
        async with self._mesh.lock(name, **self._options) as lease:
            with _holding(_Hold(name, lease)):
                yield

    def _name(self, config: Mapping[str, Any] | None) -> str:
        for one in (config, getattr(self.graph, "config", None)):
            thread = ((one or {}).get("configurable") or {}).get("thread_id")
            if thread is not None and str(thread):
                return f"langgraph/thread/{thread}"
        raise ValueError('A run needs config={"configurable": {"thread_id": ...}}: else there is nothing to lock.')


def _is_held(name: str) -> bool:
    return any(hold.covers(name) for hold in _held.get())


@contextmanager
def _holding(hold: _Hold) -> Iterator[None]:
    try:
        with _within(hold):
            yield
    finally:
        hold.has_ended = True


@contextmanager
def _within(hold: _Hold) -> Iterator[None]:
    token = _held.set((*_held.get(), hold))
    try:
        yield
    finally:
        _held.reset(token)
