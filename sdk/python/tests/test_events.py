"""Events as a stream that goes on after breaks, and as pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest

from faults import Do, FaultServer, Request, problem
from helpers import new_name
from protomesh import MeshEvent, ProtocolError, ProtoMesh, SyncProtoMesh, ValidationError

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]


async def take(stream: AsyncIterator[MeshEvent], count: int) -> list[MeshEvent]:
    events = []
    async for event in stream:
        events.append(event)
        if len(events) == count:
            break
    return events


async def do_something(mesh: ProtoMesh, name: str, times: int) -> None:
    for _ in range(times):
        async with mesh.lock(name):
            pass


async def test_a_stream_tells_what_happens_from_now_on(mesh: ProtoMesh) -> None:
    name = new_name()
    await do_something(mesh, name, 1)
    before = await asyncio.wait_for(take(mesh.events.stream(resource=name, last_event_id=0), 2), 20)
    async with aclosing(mesh.events.stream(resource=name)) as stream:
        reading = asyncio.create_task(take(stream, 2))
        # It begins when its connection stands, which only its first event shows.
        while not reading.done():
            await do_something(mesh, name, 1)
            await asyncio.wait({reading}, timeout=0.1)
    events = await reading
    assert {event.resource for event in events} == {name}
    assert before[-1].id < events[0].id < events[1].id


async def test_a_stream_that_breaks_goes_on_after_the_last_event(
    faulty: Faulty, connect: Connect, mesh: ProtoMesh
) -> None:
    """Each connection is cut after some bytes, also in the middle of an event; nothing is missed and nothing comes twice."""
    name = new_name()
    await do_something(mesh, name, 5)
    whole = await asyncio.wait_for(take(mesh.events.stream(resource=name, last_event_id=0), 10), 20)

    def frame(event: MeshEvent) -> str:

        return f"id: {event.id}\nevent: {event.type}\ndata: {json.dumps(event.to_dict())}\n\n"

    def script(request: Request) -> Do:
        after = int(request.headers.get("last-event-id", "0"))
        rest = "".join(frame(event) for event in whole if event.id > after).encode()
        cut = len(frame(whole[0])) + len(frame(whole[1])) + 30
        return Do(200, f"id: {after}\n\n".encode() + rest, {"content-type": "text/event-stream"}, cut=cut)

    server = faulty(script)
    stream = connect(url=server.url).events.stream(resource=name, last_event_id=0)
    events = await asyncio.wait_for(take(stream, 10), 30)
    assert [event.id for event in events] == [event.id for event in whole]
    assert len(server.requests) >= 5


async def test_a_stream_goes_over_to_the_next_address(faulty: Faulty, connect: Connect, mesh: ProtoMesh) -> None:
    name = new_name()
    await do_something(mesh, name, 1)
    dead, real = faulty([Do(503, b"")]), faulty(lambda _: Do(forward=True))
    stream = connect(url=[dead.url, mesh._settings.base_urls[0]]).events.stream(resource=name, last_event_id=0)
    assert len(await asyncio.wait_for(take(stream, 2), 20)) == 2
    assert len(dead.requests) == 1
    assert not real.requests


async def test_a_stream_that_is_refused_for_good_is_an_error(mesh: ProtoMesh, faulty: Faulty, connect: Connect) -> None:
    with pytest.raises(ValidationError):
        await take(mesh.events.stream(resource="no slash"), 1)
    server = faulty([problem("validation_failed", 400)])
    with pytest.raises(ValidationError):
        await take(connect(url=server.url).events.stream(), 1)
    assert server.requests[0].headers["accept"] == "text/event-stream"
    html = faulty([Do(200, b"<html>", {"content-type": "text/html"})])
    with pytest.raises(ProtocolError):
        await take(connect(url=html.url).events.stream(), 1)


async def test_pages_are_read_one_after_another(mesh: ProtoMesh) -> None:
    name = new_name()
    await do_something(mesh, name, 3)
    await asyncio.wait_for(take(mesh.events.stream(resource=name, last_event_id=0), 6), 20)
    events = [event async for event in mesh.events.list(resource=name, limit=2)]
    assert [event.type for event in events] == ["lock.granted", "lock.released"] * 3
    after = [event.id async for event in mesh.events.list(resource=name, last_event_id=events[2].id)]
    assert after == [event.id for event in events[3:]]
    kinds = {event.type async for event in mesh.events.list(resource=name, type="lock.granted", agent_id="a")}
    assert kinds == {"lock.granted"}


def test_a_thread_follows_a_stream_too(connect_sync: Callable[..., SyncProtoMesh]) -> None:
    mesh = connect_sync()
    name = new_name()
    with mesh.lock(name):
        pass
    types = []
    for event in mesh.events.stream(resource=name, last_event_id=0):
        types.append(event.type)
        if len(types) == 2:
            break
    assert types == ["lock.granted", "lock.released"]
    assert [event.type for event in mesh.events.list(resource=name)] == types
