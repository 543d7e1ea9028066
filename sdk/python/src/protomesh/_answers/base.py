"""What every answer of the service has in common: made from JSON, unknown fields of newer services left out."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from typing_extensions import Self

_T = TypeVar("_T")
_Converter = Callable[[Any], Any]
_Plan = tuple[frozenset[str], tuple[tuple[str, str, "_Converter | None"], ...]]


class WrongShapeError(ValueError):
    """The JSON is not the answer that was expected."""


if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorator: decorator


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def answer(cls: type[_T]) -> type[_T]:
    """A frozen dataclass. Its comparison and its text are the base class's: making them for each class would take a third
    of the time that importing this package takes."""
    return dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)(cls)


@answer
class Answer:
    """An answer or a part of one. Its fields have the names of the wire; what is absent there is None here."""

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Made of JSON as the service writes it.

        Raises WrongShapeError when it is something else.
        """
        if not isinstance(data, Mapping):
            raise WrongShapeError(f"a {cls.__name__} is an object, not {type(data).__name__}")
        required, convert = _plan(cls)
        values: dict[str, Any] = {}
        for name, wire_name, converter in convert:
            value = data.get(wire_name)
            if value is not None:
                values[name] = value if converter is None else converter(value)
            elif name in required:
                raise WrongShapeError(f"a {cls.__name__} has no {wire_name}")
        return cls(**values)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            getattr(self, one.name) == getattr(other, one.name) for one in fields(self) if one.compare
        )

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        shown = ((one.name, getattr(self, one.name)) for one in fields(self) if one.repr)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown if value is not None)})"

    def to_dict(self) -> dict[str, Any]:
        """As the service writes it, without what is None."""
        return {
            _wire_name(one.name): _to_wire(value)
            for one in fields(self)
            if (value := getattr(self, one.name)) is not None
        }


_plans: dict[type[Answer], _Plan] = {}


def _plan(cls: type[Answer]) -> _Plan:
    # Made at the first use, since it needs the evaluated annotations and an import should cost little.
    plan = _plans.get(cls)
    if plan is None:
        hints = get_type_hints(cls, vars(sys.modules[cls.__module__]))
        known = fields(cls)
        required = frozenset(one.name for one in known if one.default is MISSING and one.default_factory is MISSING)
        plan = (required, tuple((one.name, _wire_name(one.name), _converter(hints[one.name])) for one in known))
        _plans[cls] = plan
    return plan


def _wire_name(name: str) -> str:
    """A word of Python has an underscore behind it."""
    return name.rstrip("_")


def _converter(hint: Any) -> _Converter | None:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        (only,) = (part for part in get_args(hint) if part is not type(None))
        return _converter(only)
    if origin is tuple:
        of = _converter(get_args(hint)[0])
        return _list(of)
    if hint is datetime:
        return _time
    if isinstance(hint, type) and issubclass(hint, Answer):
        return hint.from_dict
    return None


def _list(of: _Converter | None) -> _Converter:
    def convert(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise WrongShapeError(f"a list was expected, not {type(value).__name__}")
        return tuple(value) if of is None else tuple(map(of, value))

    return convert


def _time(text: Any) -> datetime:
    try:
        # The Z is read by fromisoformat from Python 3.11 on.
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except (AttributeError, TypeError, ValueError):
        raise WrongShapeError(f"a time was expected, not {text!r}") from None


def _to_wire(value: Any) -> Any:
    if isinstance(value, Answer):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_to_wire(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
