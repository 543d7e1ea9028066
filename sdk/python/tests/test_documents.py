"""What the README and the samples say is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service import Service

HERE = Path(__file__).resolve().parent.parent
SNIPPETS = [
    snippet
    for page in (HERE / "README.md", HERE.parent.parent / "README.md")
    for snippet in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
]
SAMPLES = {
    "basic.py": ["balance 1050"],
    "queue_by_priority.py": ["low is number", "behind holder (monthly report)", "next: high", "order high middle low"],
    "policy.py": ["rules 1 tests passed 1", "20 done", "500 Not done: refund. Cost $500 exceeds limit"],
    "walkthrough.py": [
        "service healthy",
        "refund #42",
        "would wait: 1",
        "row 70 of 100 True",
        "lock.granted lock.queued",
    ],
}


def run(service: Service, *command: str, api_key: str | None = None) -> str:
    environment = {**os.environ, "PROTOMESH_URL": service.url, "PYTHONWARNINGS": "error"}
    if api_key is not None:
        environment["PROTOMESH_API_KEY"] = api_key
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_has_snippets() -> None:
    assert len(SNIPPETS) >= 7


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_of_the_readme_runs(number: int, service: Service, request: pytest.FixtureRequest) -> None:
    snippet = SNIPPETS[number]
    if ".keys." in snippet:
        run(request.getfixturevalue("closed"), "-c", snippet, api_key=request.getfixturevalue("bootstrap"))
    else:
        run(service, "-c", snippet)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_says_what_it_should(name: str, service: Service) -> None:
    said = run(service, str(HERE / "samples" / name))
    for part in SAMPLES[name]:
        assert part in said


def test_every_sample_is_run() -> None:
    assert {path.name for path in (HERE / "samples").glob("*.py")} == set(SAMPLES)
