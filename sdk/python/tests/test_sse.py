"""The parser of server-sent events."""

from __future__ import annotations

import random

import pytest

from protomesh._sse import Block, EventParser

STREAM = (
    "\ufeffid: 1\n\n"
    ": still here\n\n"
    'id: 2\nevent: lock.granted\ndata: {"a": 1}\n\n'
    "event:lock.released\rdata:one\rdata\rdata:  two ü\rid: 3\r\r"
    "data: plain\r\nretry: 5\r\nunknown: x\r\n\r\n"
    "event: nothing\n\n"
    "data: 🦊\n\n"
    "id: 9\ndata: not complete"
).encode()
BLOCKS = [
    Block("1", "message", ""),
    Block("2", "lock.granted", '{"a": 1}'),
    Block("3", "lock.released", "one\n\n two ü"),
    Block(None, "message", "plain"),
    Block(None, "message", "🦊"),
]


def test_a_stream_is_read_whole() -> None:
    assert EventParser().feed(STREAM) == BLOCKS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_it_does_not_matter_where_the_bytes_are_cut(size: int) -> None:
    parser = EventParser()
    parts = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [block for part in parts for block in parser.feed(part)] == BLOCKS


def test_it_does_not_matter_where_the_bytes_are_cut_at_random() -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(300):
        cuts = sorted(dice.sample(range(len(STREAM) + 1), dice.randrange(1, 20)))
        parser = EventParser()
        blocks = []
        for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
            blocks += parser.feed(STREAM[start:end])
        assert blocks == BLOCKS


def test_an_id_counts_only_when_its_block_is_complete() -> None:
    parser = EventParser()
    assert parser.feed(b"id: 5\ndata: {}\n") == []
    assert parser.feed(b"\n") == [Block("5", "message", "{}")]
