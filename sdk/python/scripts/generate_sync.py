#!/usr/bin/env python3
"""Makes src/protomesh/_sync of src/protomesh/_async: the same code without waiting for others.

    python scripts/generate_sync.py          writes the files
    python scripts/generate_sync.py --check  compares whole files, and fails when one differs or does not belong there

``runtime.py`` is written by hand in both. What stands between ``# async only`` and ``# end`` is left out.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "protomesh"
BY_HAND = {"runtime.py"}
HEADER = "# Made by scripts/generate_sync.py from _async/{name}: change that file.\n"

NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "AsyncIterator": "Iterator",
    "AsyncClient": "Client",
    "aclose": "close",
    "aread": "read",
    "aiter_bytes": "iter_bytes",
    "ProtoMesh": "SyncProtoMesh",
    "Lease": "SyncLease",
    "Guard": "SyncGuard",
}
# Types of the asynchronous client in prose; the words of the language go wherever they stand.
PROSE = [
    (re.compile(r"\b(async|await) (?=with|for|mesh|signal)"), ""),
    (re.compile(r"\bThe asynchronous client\b"), "The synchronous client"),
    (re.compile(r" Cancelling the caller takes the request back before this call ends\."), ""),
    (
        re.compile(r"lost meanwhile, the body is cancelled and LeaseLostError raised\."),
        "lost meanwhile, LeaseLostError is raised when\n        the body ends; ``lease.lost`` is set at once.",
    ),
    (
        re.compile(r"A loss while the body runs cancels the body and is raised as LeaseLostError\."),
        "A loss while the body runs is raised as LeaseLostError when it ends.",
    ),
]
ONLY_ASYNC = re.compile(r"^ *# async only\n.*?^ *# end\n", re.DOTALL | re.MULTILINE)
# A call of before_waiting names the asynchronous call on purpose.
KEEP = re.compile(r"before_waiting\(\"[^\"]*\"\)")


def generate(name: str, source: str) -> str:
    """The synchronous text of an asynchronous one."""
    source = ONLY_ASYNC.sub("", source)
    kept = {match.start() for match in KEEP.finditer(source)}
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    edits: list[tuple[int, int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        start = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        if token.type == tokenize.NAME and token.string in ("async", "await"):
            while source[end] == " ":
                end += 1
            edits.append((start, end, ""))
        elif token.type == tokenize.NAME and token.string in NAMES:
            edits.append((start, end, NAMES[token.string]))
        elif token.type == tokenize.STRING and start - len("before_waiting(") not in kept:
            text = token.string
            for pattern, replacement in PROSE:
                text = pattern.sub(replacement, text)
            edits.append((start, end, text))
    for start, end, text in reversed(edits):
        source = source[:start] + text + source[end:]
    return HEADER.format(name=name) + source


def main(arguments: list[str]) -> int:
    """Writes or compares."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    made = {
        path.name: generate(path.name, path.read_text(encoding="utf-8"))
        for path in sorted((PACKAGE / "_async").glob("*.py"))
        if path.name not in BY_HAND
    }
    there = {path.name: path for path in (PACKAGE / "_sync").glob("*.py") if path.name not in BY_HAND}
    wrong = sorted(there.keys() - made.keys())
    for name, text in made.items():
        path = PACKAGE / "_sync" / name
        if name not in there or path.read_text(encoding="utf-8") != text:
            wrong.append(name)
            if not arguments:
                path.write_text(text, encoding="utf-8")
    if not arguments:
        for name in there.keys() - made.keys():
            there[name].unlink()
        print(f"{len(made)} files, {len(wrong)} written.")
        return 0
    for name in wrong:
        print(f"_sync/{name} is not what _async gives; run scripts/generate_sync.py.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
