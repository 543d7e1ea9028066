"""From a call to what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from protomesh import Resource
from protomesh._integrations.rules import CompiledRule, CompiledRules, ToolCall
from protomesh._integrations.templates import CannotTellError, Template


class Colour(Enum):
    RED = "red"


@dataclass
class Order:
    customer_id: int
    _secret: str = "hidden"


def plan(rule: Any, **arguments: Any) -> Any:
    return CompiledRule(rule).plan(ToolCall(name="refund", arguments=arguments, id="c1"))


def test_a_name_alone_is_the_resource_and_the_tool_the_action() -> None:
    made = plan("customer/{customer_id}", customer_id="123")
    assert (made.action, made.resource, made.metadata) == ("refund", "customer/123", None)
    assert made.options["labels"] == {"tool": "refund", "tool_call": "c1"}


@pytest.mark.parametrize(
    ("template", "arguments", "text"),
    [
        ("customer/{id}", {"id": 7}, "customer/7"),
        ("flag/{on}", {"on": True}, "flag/true"),
        ("paint/{colour}", {"colour": Colour.RED}, "paint/red"),
        ("customer/{order.customer_id}", {"order": {"customer_id": 7}}, "customer/7"),
        ("customer/{order.customer_id}", {"order": Order(7)}, "customer/7"),
        ("file/{a}/{b}", {"a": "x", "b": "y"}, "file/x/y"),
        ("set/{{{a}}}", {"a": "x"}, "set/{x}"),
        ("file/{path}", {"path": "{customer_id}"}, "file/{customer_id}"),
        ("queue/all", {}, "queue/all"),
    ],
)
def test_places_are_filled_with_arguments(template: str, arguments: dict[str, Any], text: str) -> None:
    assert Template(template).text(arguments) == text


@pytest.mark.parametrize(
    "arguments", [{}, {"id": None}, {"id": ""}, {"id": "  "}, {"id": ["a"]}, {"id": {"a": 1}}, {"other": 1}]
)
def test_a_place_without_a_single_value_names_nothing(arguments: dict[str, Any]) -> None:
    with pytest.raises(CannotTellError):
        Template("customer/{id}").text(arguments)


def test_what_an_object_hides_stays_hidden() -> None:
    with pytest.raises(CannotTellError):
        Template("x/{order._secret}").text({"order": Order(7)})
    with pytest.raises(CannotTellError):
        Template("x/{order.__class__}").text({"order": Order(7)})


@pytest.mark.parametrize("text", ["customer/{", "customer/}", "customer/{}", "customer/{0}", "customer/{id!r}"])
def test_a_template_with_a_fault_is_refused_where_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        CompiledRule(text)


def test_metadata_keeps_types_and_leaves_out_nothing_that_was_asked_for() -> None:
    rule = {
        "action": "spend",
        "metadata": {"estimated_cost": "{cost}", "note": "for {who}", "fixed": 1, "gone": "{no}"},
    }
    made = plan(rule, cost=12.5, who="me")
    assert made.metadata == {"estimated_cost": 12.5, "note": "for me", "fixed": 1, "gone": None}
    assert made.action == "spend"
    assert made.resource is None


def test_metadata_by_names_and_as_a_whole() -> None:
    assert plan({"metadata": ["cost", "no"]}, cost=1, other=2).metadata == {"cost": 1}
    assert plan({"metadata": "*"}, cost=1, order=Order(7), colour=Colour.RED).metadata == {
        "cost": 1,
        "order": {"customer_id": 7, "_secret": "hidden"},
        "colour": "red",
    }


def test_what_json_does_not_have_is_told_to_the_model() -> None:
    for value in (float("nan"), object()):
        with pytest.raises(CannotTellError):
            plan({"metadata": "*"}, cost=value)


def test_several_resources_with_modes_of_their_own() -> None:
    made = plan({"resource": ["account/{a}", Resource("account/{b}", mode="shared")]}, a="1", b="2")
    assert made.resource == ["account/1", {"resource": "account/2", "mode": "shared"}]


def test_a_function_decides_by_the_call_and_its_answer_is_no_template() -> None:
    assert plan(lambda call: f"file/{call.arguments['path']}", path="a{b}").resource == "file/a{b}"
    assert plan(lambda call: None) is None
    made = plan(lambda call: {"resource": "a/b", "priority": 9, "action": call.name.upper()})
    assert (made.action, made.options["priority"]) == ("REFUND", 9)


def test_an_option_that_does_not_exist_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="no option 'prioriti'"):
        CompiledRule({"resource": "a/b", "prioriti": 9})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_unavailable"):
        CompiledRule({"resource": "a/b", "on_unavailable": "maybe"})
    with pytest.raises(TypeError):
        CompiledRule(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        CompiledRules(7)  # type: ignore[arg-type]


def test_rules_go_by_name_and_then_by_star() -> None:
    rules = CompiledRules({"refund": "a/b", "*": {"action": "any"}})
    assert rules.of("refund") is not rules.of("other")
    assert rules.of("other") is rules.of("more")
    assert CompiledRules({"refund": "a/b"}).of("other") is None


def test_labels_stay_within_what_the_service_takes() -> None:
    call = ToolCall(name="ü" * 200, arguments={}, id="c" * 300)
    made = CompiledRule({"labels": {f"l{n}": "x" for n in range(14)}}).plan(call)
    assert made is not None
    labels = made.options["labels"]
    assert len(labels) == 16
    assert all(len(value.encode()) <= 256 for value in labels.values())
    made = CompiledRule({"labels": {f"l{n}": "x" for n in range(15)}}).plan(call)
    assert made is not None
    assert len(made.options["labels"]) == 15


def test_a_rule_has_no_request_id_since_two_calls_would_be_one_request() -> None:
    rule: Any = {"resource": "customer/{id}", "request_id": "12345678"}
    with pytest.raises(TypeError, match="request_id"):
        CompiledRule(rule)
    given = CompiledRule(lambda _: rule)
    with pytest.raises(TypeError, match="request_id"):
        given.plan(ToolCall(name="update", arguments={"id": "1"}))


def test_a_tool_whose_name_is_no_action_has_one_all_the_same() -> None:
    rule, call = CompiledRule("page/{id}"), ToolCall(name="Read website content", arguments={"id": "1"})
    plan = rule.plan(call)
    assert plan is not None
    assert plan.action == rule.action_of(call) == "Read_website_content"
    assert plan.options["labels"]["tool"] == "Read website content"
    long = rule.plan(ToolCall(name="x" * 300, arguments={"id": "1"}))
    assert long is not None
    assert long.action == "x" * 128
