"""What the package is, before anything is done with it."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import protomesh
from protomesh import Denial, Guard, GuardOptions, Lease, LeaseOptions, MeshError, ProtoMesh, SyncProtoMesh
from service import REPOSITORY

HERE = Path(__file__).resolve().parent.parent
# What a guard asks, apart from how.
_ASKED = {"self", "action", "resource", "metadata", "lease", "fencing_token", "options"}
SURFACE = REPOSITORY / "tests/conformance/surface.json"


def test_the_import_costs_less_than_150_ms_where_asyncio_costs_45() -> None:
    """In time of a processor and in turns, so that it does not matter how fast the machine is or what else it does."""

    def run(code: str) -> float:
        process = subprocess.Popen([sys.executable, "-c", code])
        _, process.returncode, used = os.wait4(process.pid, 0)
        assert process.returncode == 0
        return used.ru_utime + used.ru_stime

    ours, theirs = "from protomesh import ProtoMesh", "import asyncio"
    run(ours)
    turns = [(run(ours), run(theirs), run("pass")) for _ in range(9)]
    taken, compared, bare = (min(times) for times in zip(*turns, strict=True))
    print(f"import protomesh: {(taken - bare) * 1000:.0f} ms, asyncio: {(compared - bare) * 1000:.0f} ms")
    assert (taken - bare) / (compared - bare) < 150 / 45


def test_the_import_does_not_load_httpx() -> None:
    code = "import sys, protomesh; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_synchronous_client_is_what_the_generator_makes() -> None:
    check = [sys.executable, str(HERE / "scripts/generate_sync.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_generator_sees_a_file_that_was_changed(tmp_path: Path) -> None:
    shutil.copytree(HERE / "scripts", tmp_path / "scripts")
    shutil.copytree(HERE / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    changed = tmp_path / "src/protomesh/_sync/locks.py"
    changed.write_text(changed.read_text() + "\n# a change by hand\n")
    (tmp_path / "src/protomesh/_sync/left_over.py").write_text("")
    check = [sys.executable, str(tmp_path / "scripts/generate_sync.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "_sync/locks.py" in done.stderr
    assert "_sync/left_over.py" in done.stderr


def test_nothing_asynchronous_is_left_in_the_synchronous_client() -> None:
    for path in (HERE / "src/protomesh/_sync").glob("*.py"):
        if path.name != "runtime.py":
            code = re.sub(r"before_waiting\([^)]*\)", "", path.read_text())
            assert not re.search(r"\b(async|await|asyncio|Async\w+|__a\w+__)\b", code), path.name


def test_everything_public_is_exported_and_documented() -> None:
    assert protomesh.__all__ == sorted(protomesh.__all__, key=str)
    for name in protomesh.__all__:
        thing = getattr(protomesh, name)
        if name != "__version__":
            assert thing.__doc__, name


def test_both_clients_have_the_same_names() -> None:
    pairs: list[tuple[Any, Any]] = [(ProtoMesh(), SyncProtoMesh()), (ProtoMesh().locks, SyncProtoMesh().locks)]
    rooms = ("policies", "budgets", "approvals", "keys", "fences", "events")
    pairs += [(getattr(ProtoMesh(), room), getattr(SyncProtoMesh(), room)) for room in rooms]
    for one, other in pairs:
        assert public(one) - {"sync"} == public(other)


def public(thing: Any) -> set[str]:
    """The names of an object or a class."""
    return {name for name in dir(thing) if not name.startswith("_")}


def own_surface() -> dict[str, set[str]]:
    """The public names in the words that all languages share."""
    mesh = ProtoMesh()
    init = ProtoMesh.__init__.__annotations__
    lease = public(Lease) | {"grant", "lost", "waiters"}
    kinds = [thing for thing in vars(protomesh).values() if isinstance(thing, type) and issubclass(thing, MeshError)]
    errors = {kind.__name__.removesuffix("Error") for kind in kinds}
    return {
        "client": public(mesh),
        "locks": public(mesh.locks),
        "lease": lease,
        "policies": public(mesh.policies),
        "budgets": public(mesh.budgets),
        "approvals": public(mesh.approvals),
        "keys": public(mesh.keys),
        "fences": public(mesh.fences),
        "events": public(mesh.events),
        "guard": public(Guard("act")) - {"action"},
        "guard_options": set(inspect.signature(ProtoMesh.guard).parameters) - _ASKED,
        "denial": set(Denial.__dataclass_fields__),
        "acquire_options": set(LeaseOptions.__annotations__),
        "client_options": set(init) - {"return"},
        "errors": errors,
        "error_fields": public(MeshError) - public(Exception) | {"problem"},
    }


def test_the_surface_is_that_of_every_language() -> None:
    if not SURFACE.is_file():
        pytest.fail(f"{SURFACE} is missing.")
    document = json.loads(SURFACE.read_text(encoding="utf-8"))
    only = document.pop("only")["python"]
    wanted = {part: set(names) | set(only.get(part, [])) for part, names in document.items()}
    assert own_surface() == wanted
    assert set(GuardOptions.__annotations__) == wanted["acquire_options"] - {"action", "metadata"}
