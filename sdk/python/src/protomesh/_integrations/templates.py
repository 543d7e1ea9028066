"""Texts with places for a call's arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any

_PIECE = re.compile(r"(\{\{|\}\})|\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}|([{}])")


class CannotTellError(Exception):
    """The arguments do not say what the call needs."""


class Template:
    """``customer/{customer_id}`` or ``{order.customer.id}``; a brace itself is written twice."""

    def __init__(self, text: str) -> None:
        self._parts: list[tuple[str, str | None]] = []
        end = 0
        literal = ""
        for found in _PIECE.finditer(text):
            if found[3] is not None:
                raise ValueError(
                    f"{text!r} has a brace at {found.start()} that belongs to no {{name}}; write it twice."
                )
            literal += text[end : found.start()]
            end = found.end()
            if found[1] is not None:
                literal += found[1][0]
            else:
                self._parts.append((literal, found[2]))
                literal = ""
        self._parts.append((literal + text[end:], None))

    def text(self, arguments: Any) -> str:
        """For a name: every place has to have a value that is one."""
        return "".join(
            literal if name is None else literal + as_name(name, find(name, arguments)) for literal, name in self._parts
        )

    def value(self, arguments: Any) -> Any:
        """For anything else: a place that stands alone keeps its type, and is None where there is no such argument."""
        if len(self._parts) == 2 and self._parts[0][0] == "" and self._parts[1][0] == "":
            try:
                return find(str(self._parts[0][1]), arguments)
            except CannotTellError:
                return None
        return self.text(arguments)


def find(path: str, arguments: Any) -> Any:
    """An argument, or a field of one."""
    value = arguments
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        else:
            value = None if name.startswith("_") else getattr(value, name, None)
    if value is None:
        raise CannotTellError(f"there is no {path}.")
    return value


def as_name(path: str, value: Any) -> str:
    """An argument as a part of a name."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        raise CannotTellError(f"{path} is not a single value.")
    text = str(value)
    if not text.strip():
        raise CannotTellError(f"{path} is empty.")
    return text


def plain(value: Any) -> Any:
    """What the frameworks make of arguments, as JSON has it."""
    if isinstance(value, Enum):
        return plain(value.value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    return value
