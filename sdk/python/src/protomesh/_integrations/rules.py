"""What a tool call needs before it may run, derived from its name and its arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

from .._requests import GuardOptions, LeaseRequest, Resource, ResourceArgument, to_json
from .templates import CannotTellError, Template, plain

# What the service takes of labels.
_MOST_LABELS = 16
_LONGEST_LABEL = 256
# And of actions.
_LONGEST_ACTION = 128
_NOT_IN_ACTIONS = re.compile(r"[^A-Za-z0-9_.:/-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that a model asked for and whose tool has not run yet."""

    name: str
    """The tool's."""
    arguments: Mapping[str, Any]
    """What the model wrote, as far as the framework has checked it; for a node of a graph, its state."""
    id: str | None = None
    """The framework's id of the call."""
    context: Any = None
    """What the framework gives with a call: ToolRuntime, ToolContext or RunContext."""


class Protection(GuardOptions, total=False):
    """What has to be allowed and held while a tool runs, beside the options of a guard."""

    resource: ResourceArgument | None
    """The ``type/id`` that the call needs for itself, or several that are granted together; None asks the policy alone."""
    action: str
    """What the policy decides; the tool's name, with ``_`` for what no action may have, such as blanks."""
    metadata: Mapping[str, Any] | Sequence[str] | None
    """What the policy reads of the call: a mapping, or the names of the arguments that it may see (``"*"`` for all)."""
    on_unavailable: str
    """``"open"`` runs the tool without protection while the service cannot be reached; ``"closed"``."""
    on_approval: str
    """When people have to approve: ``"raise"`` lets the model read who, ``"wait"`` waits for them, and ``"pause"`` pauses
    the run in the way of the framework, where that has one."""
    approval_timeout: float
    """For how many seconds ``"wait"`` waits; an hour."""
    on_waiting: Callable[..., Any] | None
    """Called with the approval when a call waits for it."""


#: The name of a resource, a Protection, or a function of the call that gives one of them, or None to run the tool as it is.
#: In the first two, ``{customer_id}`` stands for the call's argument; what a function gives is taken as it is.
Rule: TypeAlias = str | Protection | Callable[[ToolCall], str | Protection | None]

#: Rules by the names of tools, ``"*"`` for every other one, or a function of the call. A tool without a rule runs as it is.
Rules: TypeAlias = Mapping[str, Rule] | Callable[[ToolCall], str | Protection | None]


class Plan(NamedTuple):
    """The arguments of ``mesh.guard``."""

    action: str
    resource: ResourceArgument | None
    metadata: Mapping[str, Any] | None
    on_unavailable: str
    #: None is the framework's way.
    on_approval: str | None
    approval_timeout: float
    on_waiting: Callable[..., Any] | None
    options: dict[str, Any]

    @property
    def guard(self) -> dict[str, Any]:
        """As keywords. What a framework pauses for, the guard refuses."""
        return {
            "action": self.action,
            "resource": self.resource,
            "metadata": self.metadata,
            "on_unavailable": self.on_unavailable,
            "on_approval": "wait" if self.on_approval == "wait" else "raise",
            "approval_timeout": self.approval_timeout,
            "on_waiting": self.on_waiting,
            **self.options,
        }

    def showing(self, approval_id: str | None) -> Plan:
        """The same with what people have decided."""
        return self if approval_id is None else self._replace(options={**self.options, "approval_id": approval_id})


class CompiledRule:
    """A rule that was checked: a typing error in it is raised where it was written, not told to a model."""

    def __init__(self, rule: Rule) -> None:
        self._function = None if isinstance(rule, (str, Mapping)) else rule
        if self._function is not None and not callable(self._function):
            raise TypeError(f"A rule is the name of a resource, a Protection or a function of the call, not {rule!r}.")
        self._fixed = None if self._function is not None else _Parts(cast("str | Protection", rule), Template)

    @property
    def on_approval(self) -> str | None:
        """What it says itself; None for the framework's way, and where only a call can tell."""
        return None if self._fixed is None else self._fixed.on_approval

    def action_of(self, call: ToolCall) -> str:
        """What is said to be not done when the rule itself fails."""
        return (None if self._fixed is None else self._fixed.action) or _action(call.name)

    def plan(self, call: ToolCall) -> Plan | None:
        """Raises whatever the rule raises, and CannotTellError."""
        if self._fixed is not None:
            return self._fixed.plan(call)
        assert self._function is not None
        answer = self._function(call)
        return None if answer is None else _Parts(answer, None).plan(call)


class CompiledRules:
    """Rules for several tools."""

    def __init__(self, rules: Rules) -> None:
        if isinstance(rules, Mapping):
            self._by_name = {name: CompiledRule(rule) for name, rule in rules.items()}
        elif callable(rules):
            self._by_name = {"*": CompiledRule(rules)}
        else:
            raise TypeError(f"Rules are a mapping of tools' names to rules, or a function of the call, not {rules!r}.")

    def of(self, *names: str) -> CompiledRule | None:
        """By the first name that has a rule. None: the tool runs as it is."""
        for name in (*names, "*"):
            if name in self._by_name:
                return self._by_name[name]
        return None


def own_requests(options: GuardOptions) -> None:
    """Checks options that are for more than one request. Two requests of one id would be one, with one lease for both."""
    if options.get("request_id") is not None:
        raise TypeError("There is no request_id here: each call is a request of its own, whose id is made for it.")
    if options.get("approval_id") is not None:
        raise TypeError("There is no approval_id here: an approval is good for one call.")
    LeaseRequest.of(options)


def check_on_approval(value: str | None) -> None:
    """Raises ValueError for what there is not."""
    if value not in (None, "raise", "wait", "pause"):
        raise ValueError('on_approval is "raise", "wait" or "pause".')


class _Parts:
    """A Protection taken apart, with templates where it was written by hand."""

    def __init__(self, protection: str | Protection, template: type[Template] | None) -> None:
        given: dict[str, Any] = {"resource": protection} if isinstance(protection, str) else dict(protection)
        self._is_template = template is not None
        self._resource = self._read(given.pop("resource", None))
        self.action: str | None = given.pop("action", None)
        self._metadata = given.pop("metadata", None)
        if isinstance(self._metadata, Mapping):
            self._metadata = self._read(self._metadata)
        self._on_unavailable: str = given.pop("on_unavailable", "closed")
        if self._on_unavailable not in ("closed", "open"):
            raise ValueError('on_unavailable is "closed" or "open".')
        self.on_approval: str | None = given.pop("on_approval", None)
        check_on_approval(self.on_approval)
        self._approval_timeout: float = given.pop("approval_timeout", 3600.0)
        self._on_waiting: Callable[..., Any] | None = given.pop("on_waiting", None)
        if "metadata" in given or "action" in given:
            raise TypeError("A rule names action and metadata once.")
        own_requests(cast("GuardOptions", given))
        self._options = given

    def plan(self, call: ToolCall) -> Plan:
        labels = _labels(call, self._options.get("labels"))
        return Plan(
            action=self.action or _action(call.name),
            resource=cast("ResourceArgument | None", _fill(self._resource, call, as_name=True)),
            metadata=self._metadata_of(call),
            on_unavailable=self._on_unavailable,
            on_approval=self.on_approval,
            approval_timeout=self._approval_timeout,
            on_waiting=self._on_waiting,
            options={**self._options, "labels": labels},
        )

    def _metadata_of(self, call: ToolCall) -> Mapping[str, Any] | None:
        wanted = self._metadata
        if wanted is None:
            return None
        if isinstance(wanted, Mapping):
            metadata = _fill(wanted, call, as_name=False)
        else:
            names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
            chosen = call.arguments if "*" in names else [name for name in names if name in call.arguments]
            metadata = {name: call.arguments[name] for name in chosen}
        metadata = plain(metadata)
        try:
            to_json(metadata)
        except (TypeError, ValueError) as fault:
            raise CannotTellError(str(fault)) from None
        return cast("Mapping[str, Any]", metadata)

    def _read(self, part: Any) -> Any:
        """Templates in place of texts."""
        if not self._is_template:
            return part
        if isinstance(part, str):
            return Template(part)
        if isinstance(part, Resource):
            return {
                "resource": Template(part.resource),
                "mode": part.mode,
                "capacity": part.capacity,
                "units": part.units,
            }
        if isinstance(part, Mapping):
            return {name: self._read(value) for name, value in part.items()}
        if isinstance(part, Sequence):
            return [self._read(value) for value in part]
        return part


def _fill(part: Any, call: ToolCall, *, as_name: bool) -> Any:
    if isinstance(part, Template):
        return part.text(call.arguments) if as_name else part.value(call.arguments)
    if isinstance(part, Mapping):
        filled = {name: _fill(value, call, as_name=as_name) for name, value in part.items()}
        return {name: value for name, value in filled.items() if value is not None} if as_name else filled
    if isinstance(part, list):
        return [_fill(value, call, as_name=as_name) for value in part]
    return part


def _action(tool: str) -> str:
    """As the policies name actions: "Read website content" is Read_website_content there."""
    return _NOT_IN_ACTIONS.sub("_", tool)[:_LONGEST_ACTION] or "_"


def _labels(call: ToolCall, given: Mapping[str, str] | None) -> dict[str, str]:
    """Whoever looks at the queue sees which call of an agent holds or waits."""
    ours = {"tool": _cut(call.name)}
    if call.id:
        ours["tool_call"] = _cut(call.id)
    labels = {**ours, **(given or {})}
    return labels if len(labels) <= _MOST_LABELS else dict(given or {})


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST_LABEL].decode(errors="ignore")
