from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from faults import Do, FaultServer, Script
from helpers import until
from protomesh import ProtoMesh, SyncProtoMesh
from protomesh._sync.transport import post
from service import Service, dll


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """One service for all tests that do not harm it."""
    service = Service()
    warm_up(service)
    yield service
    service.close()


def warm_up(service: Service) -> None:
    """Calls once what tests with short leases call: on a busy machine the first call of a kind takes seconds."""
    with (
        SyncProtoMesh(service.url, attempt_timeout=30, retry_for=60) as mesh,
        mesh.lock("test/warm-up", ttl=60) as lease,
    ):
        lease.report_progress("warming up")
        before = lease._deadline
        until("it is renewed", lambda: lease._deadline > before, 60)
        lease.renew()
        body = {"locks": [{"lock_id": lease.lock_id, "fencing_token": lease.fencing_token}]}
        mesh._sender.send(post("/v1/locks/renew", body))
        mesh.locks.queue("test/warm-up")


@pytest.fixture(scope="session")
def bootstrap() -> str:
    """The text of the first admin's key, as the service itself makes it."""
    command = ["dotnet", str(dll()), "keys", "generate"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return made.stdout.strip()


@pytest.fixture(scope="session")
def closed(bootstrap: str) -> Iterator[Service]:
    """A service that lets nobody in without a key."""
    service = Service(Auth__BootstrapKey=bootstrap)
    yield service
    service.close()


@pytest.fixture
async def connect(service: Service) -> AsyncIterator[Callable[..., ProtoMesh]]:
    """Makes clients, which end with the test."""
    made: list[ProtoMesh] = []

    def make(agent_id: str = "a", url: Any = None, **options: Any) -> ProtoMesh:
        made.append(ProtoMesh(url or service.url, agent_id=agent_id, **options))
        return made[-1]

    yield make
    for mesh in made:
        await mesh.close()


@pytest.fixture
def mesh(connect: Callable[..., ProtoMesh]) -> ProtoMesh:
    """A client of the agent ``a``."""
    return connect()


@pytest.fixture
def connect_sync(service: Service) -> Iterator[Callable[..., SyncProtoMesh]]:
    """Makes synchronous clients, which end with the test."""
    made: list[SyncProtoMesh] = []

    def make(agent_id: str = "a", url: Any = None, **options: Any) -> SyncProtoMesh:
        made.append(SyncProtoMesh(url or service.url, agent_id=agent_id, **options))
        return made[-1]

    yield make
    for mesh in made:
        mesh.close()


@pytest.fixture
def faulty(service: Service) -> Iterator[Callable[..., FaultServer]]:
    """Makes servers that answer as the test wants; what they forward goes to the service."""
    made: list[FaultServer] = []

    def make(script: Script | list[Do]) -> FaultServer:
        made.append(FaultServer(script, service.url))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests are not theirs."""
    for name in ("PROTOMESH_URL", "PROTOMESH_API_KEY", "PROTOMESH_AGENT_ID", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
