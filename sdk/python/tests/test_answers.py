"""Answers as frozen dataclasses."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone

import pytest

import protomesh
from helpers import GRANT
from protomesh import Explanation, GrantedLock, PolicyDiff
from protomesh._answers.base import Answer, WrongShapeError


def test_unknown_fields_of_a_newer_service_are_left_out() -> None:
    grant = GrantedLock.from_dict({**GRANT, "brand_new": {"a": 1}, "previous": {**PREVIOUS, "mood": "good"}})
    assert grant.lock_id == GRANT["lock_id"]
    assert grant.previous is not None
    assert grant.previous.ended == "released"


def test_an_answer_goes_back_to_what_the_service_wrote() -> None:
    written = {**{name: value for name, value in GRANT.items() if value is not None}, "previous": PREVIOUS}
    assert GrantedLock.from_dict(written).to_dict() == written


def test_times_have_a_zone() -> None:
    grant = GrantedLock.from_dict(GRANT)
    assert grant.expires_at == datetime(2026, 11, 21, 6, 52, 7, 301000, tzinfo=timezone.utc)


def test_words_of_python_stand_back() -> None:
    diff = PolicyDiff.from_dict(
        {
            "namespace": "n",
            "name": "p",
            "from": 1,
            "to": 2,
            "text": "",
            "rules": {"added": [], "removed": [], "changed": []},
        }
    )
    assert (diff.from_, diff.to) == (1, 2)
    assert diff.to_dict()["from"] == 1
    explained = Explanation.from_dict(
        {
            "lock_id": "1.0",
            "state": "queued",
            "sentences": [],
            "blocked_by": [],
            "ahead": [],
            "would_help": [],
            "self": {"priority": 5, "waited_ms": 1, "head_start_ms": 2, "score": 3},
        }
    )
    assert explained.self is not None
    assert explained.self.score == 3


@pytest.mark.parametrize(
    "wrong",
    [None, [], "text", {}, {**GRANT, "expires_at": 5}, {**GRANT, "expires_at": "soon"}, {**GRANT, "resources": {}}],
)
def test_another_shape_is_refused(wrong: object) -> None:
    with pytest.raises(WrongShapeError):
        GrantedLock.from_dict(wrong)


def test_a_token_is_not_in_the_text_of_a_grant() -> None:
    assert str(GRANT["fencing_token"]) not in repr(GrantedLock.from_dict(GRANT))


def test_every_answer_is_frozen_and_exported_ones_are_documented() -> None:
    answers = [one for one in vars(protomesh).values() if isinstance(one, type) and issubclass(one, Answer)]
    assert len(answers) > 30
    for answer in answers:
        assert answer.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert answer.__doc__
        assert not answer.__doc__.startswith(f"{answer.__name__}("), "it has only the text that dataclasses make"
    with pytest.raises(dataclasses.FrozenInstanceError):
        GrantedLock.from_dict(GRANT).lock_id = "other"  # type: ignore[misc]


PREVIOUS = {"agent_id": "b", "ended": "released", "note": "done", "ended_at": "2026-11-21T06:51:30.000Z"}
