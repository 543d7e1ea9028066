"""The wheel and the source distribution, each used from an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from service import Service

HERE = Path(__file__).resolve().parent.parent
USE = """
import asyncio, importlib.metadata, pathlib, protomesh
from protomesh import ProtoMesh, SyncProtoMesh
from protomesh.sdk.client import ProtoMeshClient

assert protomesh.__version__ == importlib.metadata.version("protomesh")
assert "site-packages" in protomesh.__file__
assert pathlib.Path(protomesh.__file__).with_name("py.typed").is_file()

async def main():
    async with ProtoMesh() as mesh, mesh.lock("package/async") as lease:
        assert lease.is_held

asyncio.run(main())
with SyncProtoMesh() as mesh, mesh.lock("package/sync") as lease:
    assert lease.is_held
print("used")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both, made as they would be published: the wheel of the source distribution."""
    to = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(to), str(HERE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return {"wheel": next(to.glob("*.whl")), "sdist": next(to.glob("*.tar.gz"))}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_is_installed_into_an_empty_environment_and_used(
    kind: str, built: dict[str, Path], tmp_path: Path, service: Service
) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if kind == "sdist":
        # What builds it, so that the installation needs no environment of its own for that.
        run([*pip, "-r", str(HERE / "requirements-build.txt")], tmp_path)
        run([*pip, "--no-build-isolation", str(built[kind])], tmp_path)
    else:
        run([*pip, str(built[kind])], tmp_path)
    assert run([str(python), "-W", "error", "-c", USE], tmp_path, PROTOMESH_URL=service.url) == "used\n"


@pytest.mark.slow
def test_the_wheel_has_the_package_and_nothing_else(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert all(name.startswith(("protomesh/", "protomesh-")) for name in names)
    assert {"protomesh/py.typed", "protomesh/_sync/client.py", "protomesh/sdk/client.py"} <= set(names)
    assert "Requires-Dist: httpx<1,>=0.25" in metadata
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert len(required) == 1
    for extra in ("langgraph", "crewai", "openai-agents", "pydantic-ai"):
        assert f"Provides-Extra: {extra}" in metadata
    assert "# protomesh" in metadata
    with tarfile.open(built["sdist"]) as sdist:
        inside = sdist.getnames()
    assert not [name for name in inside if ".venv" in name or "__pycache__" in name]


def run(command: list[str], cwd: Path, **more: str) -> str:
    environment = {**os.environ, "PYTHONPATH": "", **more}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
