"""What the scenarios of tests/conformance expect: whether a value fits a pattern, and names in texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

_NAME = re.compile(r"\$\{([^}]+)\}")


def differs(pattern: Any, value: Any, path: str = "value") -> str | None:
    """None when the value fits the pattern, else where and how it does not."""
    if isinstance(pattern, Mapping):
        if any(key.startswith("$") for key in pattern):
            return next((wrong for key in pattern if (wrong := _differs_by(key, pattern[key], value, path))), None)
        if not isinstance(value, Mapping):
            return f"{path}: expected an object, found {value!r}"
        members = ((key, differs(part, value.get(key), f"{path}.{key}")) for key, part in pattern.items())
        return next((wrong for _, wrong in members if wrong), None)
    if isinstance(pattern, list):
        if not isinstance(value, list) or len(value) != len(pattern):
            return f"{path}: expected {len(pattern)} elements, found {value!r}"
        elements = (
            differs(part, one, f"{path}.{at}") for at, (part, one) in enumerate(zip(pattern, value, strict=True))
        )
        return next((wrong for wrong in elements if wrong), None)
    if isinstance(pattern, bool) or isinstance(value, bool) or pattern is None:
        return None if pattern is value else f"{path}: expected {pattern!r}, found {value!r}"
    return None if pattern == value else f"{path}: expected {pattern!r}, found {value!r}"


def _differs_by(key: str, wanted: Any, value: Any, path: str) -> str | None:
    check = _CHECKS.get(key)
    if check is None:
        raise ValueError(f"There is no pattern {key}.")
    return None if check(wanted, value, path) else f"{path}: expected {{{key}: {wanted!r}}}, found {value!r}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_of_type(name: str, value: Any) -> bool:
    return {
        "number": _is_number(value),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "object": isinstance(value, Mapping),
        "array": isinstance(value, list),
        "null": value is None,
    }[name]


def _rises(path: str, value: Any) -> bool:
    if not isinstance(value, list):
        return False
    numbers = [find(one, path.split(".")) if path else one for one in value]
    return all(_is_number(one) for one in numbers) and all(a < b for a, b in pairwise(numbers))


def _contains(wanted: Any, value: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list) and any(differs(wanted, one) is None for one in value)


_CHECKS: dict[str, Callable[[Any, Any, str], bool]] = {
    "$length": lambda wanted, value, path: isinstance(value, list) and differs(wanted, len(value), path) is None,
    "$contains": lambda wanted, value, _: _contains(wanted, value),
    "$all": lambda wanted, value, _: isinstance(value, list) and all(differs(wanted, one) is None for one in value),
    "$ascending": lambda wanted, value, _: _rises(wanted, value),
    "$gt": lambda wanted, value, _: _is_number(value) and value > wanted,
    "$gte": lambda wanted, value, _: _is_number(value) and value >= wanted,
    "$lt": lambda wanted, value, _: _is_number(value) and value < wanted,
    "$lte": lambda wanted, value, _: _is_number(value) and value <= wanted,
    "$type": lambda wanted, value, _: _is_of_type(wanted, value),
    "$matches": lambda wanted, value, _: isinstance(value, str) and re.search(wanted, value) is not None,
    "$absent": lambda wanted, value, _: (value is None) is wanted,
    "$not": lambda wanted, value, _: differs(wanted, value) is not None,
    "$any": lambda wanted, value, _: any(differs(one, value) is None for one in wanted),
}


class MissingValueError(KeyError):
    """A name that nothing was saved under."""

    def __str__(self) -> str:
        return f"Nothing is saved as {self.args[0]}."


def fill(given: Any, saved: Mapping[str, Any]) -> Any:
    """With every ``${name.path}`` replaced. A text that is nothing else keeps the value's type."""
    if isinstance(given, Mapping):
        return {fill(key, saved): fill(value, saved) for key, value in given.items()}
    if isinstance(given, list):
        return [fill(one, saved) for one in given]
    if not isinstance(given, str):
        return given
    whole = _NAME.fullmatch(given)
    if whole:
        return _saved(whole[1], saved)
    return _NAME.sub(lambda match: str(_saved(match[1], saved)), given)


def find(value: Any, path: list[str]) -> Any:
    """A part of a value; None when it is not there."""
    for part in path:
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _saved(name: str, saved: Mapping[str, Any]) -> Any:
    first, *path = name.split(".")
    value = find(saved[first], path) if first in saved else None
    if value is None:
        raise MissingValueError(name)
    return value
