"""A run that pauses for an approval in one process and goes on in another."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from people import new_space
from protomesh import ProtoMesh
from service import Service

from . import rigs

Connect = Callable[..., ProtoMesh]
TESTS = Path(__file__).resolve().parents[1]
PAUSING = [name for name in ("langgraph", "openai_agents") if name in rigs.names()]


async def process(*arguments: str) -> Any:
    """What a process of its own says."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])}
    command = [sys.executable, "-m", "frameworks.pausing", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("framework", PAUSING)
@pytest.mark.parametrize("is_approved", [True, False], ids=["approved", "denied"])
async def test_a_run_pauses_in_one_process_and_goes_on_in_another(
    framework: str, is_approved: bool, service: Service, connect: Connect, tmp_path: Path
) -> None:
    space = await new_space(connect)
    ann = connect("ann", namespace=space)
    said = await process(framework, service.url, space, str(tmp_path))
    asked = [one async for one in ann.approvals.list()]
    assert [(one.state, one.resource, one.metadata) for one in asked] == [
        ("pending", "customer/123", {"amount": 500}),
    ]
    assert said == {"paused": asked[0].approval_id if framework == "langgraph" else "refund"}
    assert not (tmp_path / "ledger").exists()
    assert (await ann.locks.queue("customer/123")).held_by == ()

    if is_approved:
        await ann.approvals.approve(asked[0].approval_id, approver="ann")
    else:
        await ann.approvals.deny(asked[0].approval_id, comment="too much", approver="ann")
    said = await process(framework, service.url, space, str(tmp_path))
    if is_approved:
        assert said == {"answer": "refunded 500"}
        assert (tmp_path / "ledger").read_text() == "123 500\n"
    else:
        assert said["answer"].startswith(f"Not done: refund. The approval {asked[0].approval_id}")
        assert "denied" in said["answer"]
        assert not (tmp_path / "ledger").exists()
    assert len([one async for one in ann.approvals.list()]) == 1, "nobody was asked twice"
