from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.tasks.vqa_answers import (
    NUM_CHOICES,
    Answered,
    UsualAnswers,
    parse_answered,
    people_said,
)


def official(answers: tuple[str, ...], answer: str) -> float:
    """As the authors compute it: over the ways to choose nine of ten."""
    found = []
    for others in itertools.combinations(range(len(answers)), len(answers) - 1):
        matching = sum(answers[number] == answer for number in others)
        found.append(min(1.0, matching / 3))
    return sum(found) / len(found)


def asked(question: str, answers: str, *, kind: str = "what", choices: str = "") -> Answered:
    said = tuple(answers.split())
    return Answered(question, said, kind, "other", tuple(choices.split()) or None)


def test_the_soft_accuracy_is_the_official_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        answers = tuple(rng.choice(["a", "b", "c", "d"], 10, p=[0.5, 0.3, 0.1, 0.1]).tolist())
        item = Answered("q", answers, "what", "other")
        for answer in "abcde":
            assert item.accuracy(answer) == pytest.approx(official(answers, answer))
    ten = asked("q", "x x x " + "y " * 7)
    assert ten.accuracy("x") == pytest.approx(0.9)  # 3 of 10 times one of the three is left out
    assert (ten.accuracy("y"), ten.accuracy("z")) == (1.0, 0.0)


def test_answers_are_compared_in_their_normal_form_where_people_differ() -> None:
    item = Answered("q", ("Two", "2", "the two", *["3"] * 7), "how many", "number")
    assert item.accuracy("2") == pytest.approx(official(("2", "2", "2", *["3"] * 7), "2"))
    assert item.accuracy("two") == item.accuracy("2")
    assert item.accepts("a two")
    assert not item.accepts("four")
    alike = Answered("q", ("ice-cream",) * 10, "what", "other")
    assert (alike.accuracy("ice-cream"), alike.accuracy("ice cream")) == (1.0, 0.0)


def test_answers_as_the_importer_stores_them() -> None:
    known = {"answers": ["a", "b"], "question_type": "is", "answer_type": "yes/no"}
    found = parse_answered("Is it?", json.dumps({**known, "choices": ["a", "c"]}))
    assert found == Answered("Is it?", ("a", "b"), "is", "yes/no", ("a", "c"))
    without = parse_answered("Is it?", json.dumps(known))
    assert without is not None
    assert without.choices is None
    assert parse_answered("Is it?", json.dumps({"choices": ["a"]})) is None
    assert parse_answered(None, json.dumps(known)) is None
    assert parse_answered("Is it?", None) is None
    for wrong in ("a cat", "[1]", json.dumps({"answers": ["a"]})):
        with pytest.raises(PolymodalError, match="is no answers as the importer 'vqa2' stores"):
            parse_answered("Is it?", wrong)


def test_what_is_usual() -> None:
    usual = UsualAnswers(
        [
            asked("What color?", "red red blue"),
            asked("what COLOR?", "red"),
            asked("What color?", "blue"),
            asked("How many?", "two", kind="how"),
            asked("How tall?", "two one one", kind="how"),
            asked("Who?", "ann", kind="who"),
        ]
    )
    assert usual.top() == ["red", "ann", "blue", "one", "two"]
    assert usual.top(2) == ["red", "ann"]
    options = ["two", "one", "red", "green", "ann"]
    assert usual.usual(asked("What color?", "green"), options) == "red"
    assert usual.usual(asked("What color?", "green"), ["blue", "green"]) == "blue"
    assert usual.usual(asked("How many?", "green", kind="how"), options) == "two"
    assert usual.usual(asked("How wide?", "green", kind="how"), options) == "one"  # by alphabet
    assert usual.usual(asked("Why?", "green", kind="why"), options) == "red"


def test_choices_are_different_and_hold_the_answer() -> None:
    training = [asked("q", f"a{number % 40}", kind=f"k{number % 5}") for number in range(200)]
    usual = UsualAnswers(training)
    item = asked("new", "mine mine other", kind="k2")
    first, again, other = (usual.choices(item, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert len(first) == len(set(first)) == NUM_CHOICES == len(set(other))
    assert first[0] == "mine"
    assert set(first[1:4]) <= {f"a{number}" for number in range(40) if number % 5 == 2}
    assert first[:14] == other[:14] != first
    few = UsualAnswers([asked("q", "yes"), asked("q", "no")])
    assert few.choices(asked("q", "yes"), np.random.default_rng(0)) == ["yes", "no"]


def test_what_people_said_most_frequent_first() -> None:
    assert people_said(["b", "a", "b", "c"]) == [("b", 2), ("a", 1), ("c", 1)]
