"""One class for each kind of refusal."""

from __future__ import annotations

import json
import pickle

import pytest

import protomesh
from protomesh import LeaseLostError, MeshError, Problem, _errors, _problems
from protomesh._errors import to_error
from service import REPOSITORY

CATALOGUE = json.loads((REPOSITORY / "src/ProtoMesh.Contracts/problems.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind["code"])
def test_every_code_of_the_catalogue_has_a_class(kind: dict[str, object]) -> None:
    error = to_error(Problem.from_dict(kind))
    assert type(error) is not MeshError
    assert (error.code, error.status, error.retryable) == (kind["code"], kind["status"], kind["retryable"])
    assert error.next_step == kind["next_step"]
    assert error.title == error.message == str(error) == kind["title"]


def test_every_code_that_has_a_class_is_in_the_catalogue_or_our_own() -> None:
    ours = {"unreachable", "not_protomesh", "version_mismatch"}
    assert set(_errors._BY_CODE) == {kind["code"] for kind in CATALOGUE} | ours


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("LockTimeoutError", TimeoutError),
        ("PolicyDeniedError", PermissionError),
        ("ApprovalRequiredError", PermissionError),
        ("ValidationError", ValueError),
        ("UnavailableError", ConnectionError),
    ],
)
def test_frameworks_know_the_base_class(name: str, base: type[Exception]) -> None:
    assert issubclass(getattr(protomesh, name), base)


def test_a_lost_lease_is_nothing_that_a_framework_would_know() -> None:
    assert LeaseLostError.__mro__[1:] == (MeshError, Exception, BaseException, object)


def test_what_the_client_says_itself_has_the_words_of_the_catalogue() -> None:
    words = {kind["code"]: kind for kind in CATALOGUE}
    made = [
        _problems.lease_lost("gone", "1.0"),
        _problems.timed_out("late", {}).problem,
        _problems.invalid("odd").problem,
    ]
    for problem in made:
        kind = words[problem.code]
        assert (problem.title, problem.status, problem.retryable, problem.next_step) == (
            kind["title"],
            kind["status"],
            kind["retryable"],
            kind["next_step"],
        )
        assert problem.type == f"https://protomesh.dev/problems/{problem.code}"


def test_an_error_survives_pickling() -> None:
    for kind in CATALOGUE:
        error = to_error(Problem.from_dict({**kind, "detail": "why", "trace_id": "t-1", "extra": [1]}))
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (again.message, again.trace_id) == ("why", "t-1")
        assert again.problem.document["extra"] == [1]


def test_a_part_that_a_newer_service_writes_in_another_way_does_not_hide_the_problem() -> None:
    document = {**CATALOGUE[0], "detail": "why", "blocked_by": "everybody", "decision": {"new": 1}, "more": {"a": 1}}
    problem = Problem.from_dict(document)
    assert (problem.code, problem.detail, problem.blocked_by, problem.decision) == ("lock_held", "why", None, None)
    assert problem.document == document
    assert problem.to_dict() == document


@pytest.mark.parametrize("document", [[], "text", {}, {"code": 5, "status": 400, "title": "t"}, {"title": "t"}])
def test_what_is_no_problem_is_none(document: object) -> None:
    with pytest.raises(ValueError):
        Problem.from_dict(document)
