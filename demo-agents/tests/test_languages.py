"""The demo in three languages: offline with scripts, and with its real models' part played by a fake of their APIs."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from fake_models import DEFAULTS, FakeModels

HERE = Path(__file__).parent.parent
PROGRAM = HERE / "bin" / "Debug" / "net10.0" / "demo-agents.dll"
AGENTS = {
    "csharp": ["dotnet", str(PROGRAM), "refund"],
    "python": [str(HERE / "python/.venv/bin/python"), str(HERE / "python/agent.py")],
    "typescript": ["node", str(HERE / "typescript/dist/agent.js")],
}
ASSIGNMENT = {
    "agent": "tested", "priority": 5, "role": "junior", "customer": "123", "claim": "claim #1", "wanted": 500,
    "task": "You are tested.", "url": "http://127.0.0.1:9", "namespace": "tested", "records": "http://127.0.0.1:9/",
}  # fmt: skip
PREPARE = "run demo-agents/prepare, then start"
FAKE = FakeModels()


def run(command: list[str], **settings: str) -> tuple[int, str]:
    """Ends with the exit code and everything that was written, in which no key may be, in whole or in a good part."""
    foreign = tuple(f"{provider.upper()}_" for provider in DEFAULTS)
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        command, env=own | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, text=True
    )
    for key in FAKE.keys.values():
        assert key[-12:] not in done.stdout, f"The key is in the output of {command}."
    return done.returncode, done.stdout


def demo(**settings: str) -> tuple[int, str]:
    return run(["dotnet", str(PROGRAM), "languages"], **settings)


class Offline(unittest.TestCase):
    def test_three_languages_are_granted_by_priority_and_each_does_what_it_may(self) -> None:
        code, output = demo()
        self.assertEqual(code, 0, output)
        self.assertIn("Scripts play their models.", output)
        self.assertTrue(output.splitlines()[-1].startswith("VERIFIED in "), output)
        happened = re.findall(r"^ +[\d.]+ +(\w+) +\d +(\w+)", output, re.MULTILINE)
        self.assertEqual(
            [who for who, what in happened if what == "granted"], ["clerk", "typescript", "python", "csharp"]
        )
        self.assertEqual(sorted(who for who, what in happened if what == "denied"), ["csharp", "python", "typescript"])
        shown = (HERE / "README.md").read_text("utf-8")
        self.assertEqual(re.findall("^  ok .*", output, re.MULTILINE), re.findall("^  ok .*", shown, re.MULTILINE))


class Missing(unittest.TestCase):
    """What is not there gives one sentence that says what to run."""

    def test_a_python_without_the_package(self) -> None:
        self.check("DEMO_PYTHON", "exit 1", "The Python agent has no Python with the package protomesh:")

    def test_an_old_node(self) -> None:
        self.check("node", '[ "$1" != -e ]', "The TypeScript agent needs Node.js 20 or newer: install it,")

    def test_an_agent_that_is_not_built(self) -> None:
        self.check("node", '[ "$1" = -e ]', "The TypeScript agent is not built:")

    def test_the_agent_itself_names_the_package(self) -> None:
        code, output = run([sys.executable, "-I", "-S", str(HERE / "python/agent.py"), "{}"])
        self.assertEqual((code, output.strip()), (1, f"The Python agent lacks the package httpx: {PREPARE} it again."))

    def check(self, program: str, script: str, sentence: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            stand_in = Path(folder, program)
            stand_in.write_text(f"#!/bin/sh\n{script}\n")
            stand_in.chmod(0o755)
            code, output = (
                demo(DEMO_PYTHON=str(stand_in))
                if program == "DEMO_PYTHON"
                else demo(PATH=f"{folder}:{os.environ['PATH']}")
            )
        self.assertEqual((code, output.strip()), (1, f"FAILED: {sentence} {PREPARE} the demo again."))


class Providers(unittest.TestCase):
    """Named by provider and language below: one run a provider, with all three agents."""

    @staticmethod
    @functools.cache
    def played(provider: str) -> tuple[int, str]:
        if provider == "groq":
            FAKE.models[provider] = "another/model"
        return demo(**{
            f"{provider.upper()}_API_KEY": f" {FAKE.keys[provider]}\n",
            f"{provider.upper()}_BASE_URL": f"{FAKE.url}/{provider}/",
            f"{provider.upper()}_MODEL": FAKE.models[provider] if provider == "groq" else "",
        })  # fmt: skip

    def check(self, provider: str, language: str) -> None:
        code, output = self.played(provider)
        talk = FAKE.conversations[provider, language]
        complaints = [complaint for complaint in FAKE.complaints if complaint.startswith(f"{provider}/{language}:")]
        self.assertEqual(complaints, [], output)
        self.assertEqual(code, 0, output)
        self.assertIn(f"Their model is {FAKE.models[provider]} of {provider}.", output)
        self.assertTrue(output.splitlines()[-1].startswith("VERIFIED in "), output)
        self.assertEqual((talk.met, talk.finished), (["429", "malformed arguments", "503", "parallel calls"], True))


class Refusals(unittest.TestCase):
    """Named by case and language below: one line on why the model did not answer, and never the key."""

    def check(self, language: str, place: str, sentence: str, key: str | None = None) -> None:
        FAKE.complaints.clear()
        code, output = run(
            [*AGENTS[language], json.dumps(ASSIGNMENT)],
            OPENAI_API_KEY=key or FAKE.keys["openai"],
            OPENAI_BASE_URL=f"{FAKE.url}/{place}",
        )
        self.assertEqual((code, output.strip()), (1, f"{language}: {sentence}"))
        self.assertEqual(FAKE.complaints, [])


QUOTED = '{"error": {"message": "This key is not right: Bearer ***", "code": "invalid_api_key"}}'
SPENT = '{"error": {"message": "The quota of this month is spent."}}'
CASES = {
    "a_refused_key": ("refused", "openai does not accept OPENAI_API_KEY (401)."),
    "an_answer_that_quotes_the_key": ("quoted", f"openai answered 400: {QUOTED}"),
    "a_quota_that_is_spent": ("spent", f"openai answered 429: {SPENT}"),
    "a_page_of_a_proxy": ("page", "openai answered without a message."),
    "a_redirect": ("moved", "openai answered 307: {}"),
    "a_key_with_a_line_break": (
        "refused",
        "OPENAI_API_KEY is no key: it has a line break, a space or another odd character.",
        f"{FAKE.keys['openai']}\nand more",
    ),
}


def name_each() -> None:
    """A method a combination, so that each is counted and a failure names it."""
    for language in AGENTS:
        for provider in DEFAULTS:
            test = functools.partialmethod(Providers.check, provider, language)
            setattr(Providers, f"test_{provider}_with_{language}", test)
        for name, case in CASES.items():
            setattr(Refusals, f"test_{name}_in_{language}", functools.partialmethod(Refusals.check, language, *case))


def main() -> int:
    name_each()
    suite = unittest.TestSuite()
    for group in (Offline,) if "--quick" in sys.argv else (Offline, Missing, Providers, Refusals):
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(group))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    FAKE.close()
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"suite demo-languages: {result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
