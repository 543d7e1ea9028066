"""A lease that goes to another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from helpers import new_name
from protomesh import LeaseLostError, ProtoMesh
from service import Service

Connect = Callable[..., ProtoMesh]

OTHER = """
import sys
from protomesh import SyncProtoMesh
with SyncProtoMesh(sys.argv[1], agent_id="other") as mesh:
    lease = mesh.attach(sys.stdin.readline())
    print(lease.fencing_token, flush=True)
    sys.stdin.readline()
    print(lease.is_held, lease.agent_id, flush=True)
    lease.release("done elsewhere")
"""


async def test_a_ticket_is_taken_up_by_another_process(service: Service, mesh: ProtoMesh) -> None:
    name = new_name()
    lease = await mesh.locks.acquire(name, ttl=1.5)
    text = lease.ticket().to_json()
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, service.url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdin.write(text.encode() + b"\n")
    assert int(await other.stdout.readline()) == lease.fencing_token
    # The giver renews no more: it loses the lease at its own deadline while the taker lives on.
    await asyncio.wait_for(lease.lost.wait(), 10)
    assert (await mesh.locks.get(lease.lock_id)).state == "granted"
    other.stdin.write(b"\n")
    assert await other.stdout.readline() == b"True a\n"
    assert await other.wait() == 0
    async with mesh.lock(name) as after:
        assert after.previous is not None
        assert after.previous.note == "done elsewhere"


async def test_a_release_after_a_ticket_leaves_the_lease_to_its_taker(connect: Connect) -> None:
    giver, taker = connect("a"), connect("b")
    lease = await giver.locks.acquire(new_name(), ttl=1)
    taken = await taker.attach(lease.ticket())
    await lease.release()
    assert (await taker.locks.get(taken.lock_id)).state == "granted"
    await asyncio.wait_for(lease.lost.wait(), 5)
    await lease.release()
    assert (await taker.locks.get(taken.lock_id)).state == "granted"
    await taken.release()


async def test_a_ticket_is_one_json_document_in_every_language(mesh: ProtoMesh) -> None:
    name = new_name()
    lease = await mesh.locks.acquire(name, ttl=20, session_id="run-1")
    ticket = lease.ticket()
    assert json.loads(ticket.to_json()) == {
        "version": 1,
        "lock_id": lease.lock_id,
        "request_id": lease.request_id,
        "namespace": "default",
        "resource": name,
        "mode": "exclusive",
        "agent_id": "a",
        "session_id": "run-1",
        "fencing_token": lease.fencing_token,
        "ttl_ms": 20000,
    }
    assert str(lease.fencing_token) not in repr(ticket)
    again = await mesh.attach(json.loads(ticket.to_json()))
    assert again.fencing_token == lease.fencing_token
    assert (again.resource, again.agent_id, again.grant.session_id) == (name, "a", "run-1")
    assert 19 < again.remaining <= 20
    await again.release()


async def test_a_giver_still_holds_until_its_deadline_and_does_not_release(mesh: ProtoMesh) -> None:
    name = new_name()
    async with mesh.lock(name) as lease:
        ticket = lease.ticket()
        assert lease.is_held
        lease.check()
        assert mesh.held == ()
    assert (await mesh.locks.get(lease.lock_id)).state == "granted"
    await (await mesh.attach(ticket)).release()


async def test_a_ticket_of_several_resources_is_taken_up_whole(mesh: ProtoMesh) -> None:
    names = [new_name(), new_name()]
    lease = await mesh.locks.acquire(names)
    again = await mesh.attach(lease.ticket().to_json())
    assert [one.resource for one in again.resources or ()] == names
    await again.release()


async def test_a_ticket_whose_lease_has_ended_or_moved_is_refused(connect: Connect) -> None:
    a, b = connect("a"), connect("b")
    ended = await a.locks.acquire(new_name())
    ticket = ended.ticket()
    await a.locks.cancel(ended.lock_id)
    with pytest.raises(LeaseLostError):
        await b.attach(ticket)
    moved = await a.locks.acquire(new_name())
    ticket = moved.ticket()
    given = await moved.transfer("b")
    with pytest.raises(LeaseLostError):
        await b.attach(ticket)
    await b.locks.cancel(given.lock_id)


@pytest.mark.parametrize("text", ["{}", '{"version": 2}', "[]", '{"version": 1, "lock_id": "1.0"}', "nonsense"])
async def test_what_is_no_ticket_is_refused_without_a_call(text: str, mesh: ProtoMesh) -> None:
    with pytest.raises(ValueError):
        await mesh.attach(text)


async def test_a_lost_lease_gives_no_ticket(mesh: ProtoMesh) -> None:
    lease = await mesh.locks.acquire(new_name())
    await lease.release()
    with pytest.raises(LeaseLostError):
        lease.ticket()
