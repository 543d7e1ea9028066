"""What docs/frameworks.md shows is run, as it is."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers import until_async
from protomesh import ProtoMesh
from service import Service

from . import rigs
from .rigs import Calls

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"
# A heading of the document, and the rig that has its framework's model.
HEADINGS = {
    "LangChain and LangGraph": "langgraph",
    "OpenAI Agents SDK": "openai_agents",
    "Pydantic AI": "pydantic_ai",
    "CrewAI": "crewai",
}


def snippets() -> list[Any]:
    found = []
    for section in re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)):
            if HEADINGS[heading] in rigs.names():
                found.append(pytest.param(HEADINGS[heading], code, id=f"{HEADINGS[heading]}-{number}"))
    return found


def script(read: list[str]) -> Calls | str:
    """Does what it is told, and less when it may not."""
    if not read:
        return [("refund", {"customer_id": "123", "amount": 500.0})]
    if "exceeds limit $100" in read[-1]:
        return [("refund", {"customer_id": "123", "amount": 100.0})]
    return read[-1]


@pytest.fixture
async def refunds(connect: Callable[..., ProtoMesh]) -> None:
    """The namespace of the snippets about approvals, with the document's own policy."""
    policy = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)[0]
    mesh = connect(namespace="refunds")
    await mesh.policies.put("refunds", policy)
    await mesh.policies.activate("refunds", 1, if_match="*")

    async def decides() -> bool:
        return (await mesh.policies.check("read", dry_run=True)).policy.name == "refunds"

    await until_async("it decides", decides)


@pytest.mark.usefixtures("refunds")
@pytest.mark.parametrize(("name", "code"), snippets())
async def test_a_snippet_does_what_it_says(
    name: str, code: str, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROTOMESH_URL", service.url)
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "true")
    made: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(code, DOCUMENT.name, "exec", dont_inherit=True), made)
    model = rigs.model(name, script)
    if inspect.iscoroutinefunction(made["main"]):
        await made["main"](model)
    else:
        await asyncio.to_thread(made["main"], model)
    said = capsys.readouterr().out
    if 'namespace="refunds"' in code:
        assert "refunded $500 under token " in said
    else:
        assert "refunded $100 under token " in said or said.strip() == "paid"
