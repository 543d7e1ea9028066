"""Follows what happens."""

from __future__ import annotations

import json
from typing import Any, Final

from .._answers.base import WrongShapeError
from .._answers.events import EventPage, MeshEvent
from .._clock import Backoff
from .._errors import MeshError
from .._requests import drop_none
from .._sse import Block, EventParser
from .locks import pages
from .runtime import Stream, before_waiting, pause
from .transport import Sender

# The service sends a sign of life every 15 s; a peer that vanished without a word is noticed by its silence.
_SILENCE: Final = 45.0


class Events:
    """``mesh.events``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def stream(
        self,
        *,
        resource: str | None = None,
        agent_id: str | None = None,
        type: str | None = None,
        namespace: str | None = None,
        last_event_id: int | None = None,
    ) -> Stream[MeshEvent]:
        """Events in the order of their ids, for as long as the caller reads: after ``last_event_id``, or from now on. A
        broken connection is taken up again after the last event that was read, so none is missed and none comes twice.

        Raises MeshError when the service refuses the stream for good.
        """
        before_waiting("async for event in mesh.events.stream(...)")
        query = self._query(namespace, resource=resource, agent_id=agent_id, type=type)
        resume = None if last_event_id is None else str(last_event_id)
        backoff = Backoff()
        while True:
            retry_after = 0.0
            try:
                response = await self._sender.open_events(query, resume, _SILENCE)
            except MeshError as failure:
                if not failure.retryable:
                    raise
                retry_after = (failure.retry_after_ms or 0) / 1000
            else:
                parser = EventParser()
                try:
                    async for part in response.aiter_bytes():
                        for block in parser.feed(part):
                            backoff = Backoff()
                            resume = block.id or resume
                            event = _event(block)
                            if event is not None:
                                yield event
                except self._sender.http.faults:
                    # The end of this connection, not of the stream.
                    pass
                finally:
                    await response.aclose()
            await pause(max(backoff.next(), retry_after))

    async def list(
        self,
        *,
        resource: str | None = None,
        agent_id: str | None = None,
        type: str | None = None,
        namespace: str | None = None,
        last_event_id: int | None = None,
        limit: int | None = None,
    ) -> Stream[MeshEvent]:
        """The events that there are, the oldest first, page by page as they are read."""
        query = self._query(
            namespace, resource=resource, agent_id=agent_id, type=type, last_event_id=last_event_id, limit=limit
        )
        async for page in pages(self._sender, EventPage, "/v1/events", query):
            for one in page.events:
                yield one

    def _query(self, namespace: str | None, **fields: Any) -> dict[str, Any]:
        return drop_none(namespace=namespace or self._sender.settings.namespace, **fields)


def _event(block: Block) -> MeshEvent | None:
    """Ours are named room and past tense; others, such as a sign of life, carry nothing to read."""
    if not block.data or not (block.type == "message" or "." in block.type):
        return None
    try:
        return MeshEvent.from_dict(json.loads(block.data))
    except (WrongShapeError, ValueError):
        return None
