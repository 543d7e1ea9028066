"""Reads server-sent events."""

from __future__ import annotations

import codecs
from typing import NamedTuple


class Block(NamedTuple):
    """What one block of a stream said; its data is empty for an id alone."""

    id: str | None
    type: str
    data: str


class EventParser:
    """From bytes, however they are cut, to complete blocks.

    An id counts only when its block is complete: a stream that breaks in the middle of an event must resume before that
    event.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._line = ""
        self._after_cr = False
        self._id: str | None = None
        self._type = ""
        self._data: list[str] = []

    def feed(self, part: bytes) -> list[Block]:
        """The blocks that these bytes complete."""
        text = self._decode(part)
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        # A line ends with \r\n, \n or \r. A \r at the very end may be the first half of \r\n.
        self._after_cr = self._after_cr or text.endswith("\r")
        *lines, self._line = (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        blocks = []
        for line in lines:
            if line:
                self._read(line)
            elif self._id is not None or self._data:
                blocks.append(Block(self._id, self._type or "message", "\n".join(self._data)))
                self._id, self._type, self._data = None, "", []
            else:
                self._type = ""
        return blocks

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = value
        elif name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
