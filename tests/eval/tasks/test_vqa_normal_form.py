"""Answers in the form in which they are compared."""

from __future__ import annotations

import pytest
from polymodal_eval.tasks.vqa_normal_form import CONTRACTIONS, normal_form


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes", "yes"),
        (" the red  bus\n", "red bus"),
        ("An apple a day", "apple day"),
        ("two", "2"),
        ("None", "0"),
        ("twenty", "twenty"),
        ("St. Mary's.", "st mary's"),
        ("3.5", "3.5"),
        ("ice-cream", "ice cream"),
        ("ice - cream", "ice cream"),
        ("black/white", "black white"),
        ("black, white", "black white"),
        ("1,000", "1000"),
        ("1,000 t-shirts", "1000 tshirts"),  # as the official evaluation has it
        ("isnt it", "isn't it"),
        ("cant", "can't"),
        ("can't", "can't"),
        ("ill", "ill"),
        ("", ""),
        ("a", ""),
        ('"stop"!', "stop"),
    ],
)
def test_the_normal_form(answer: str, expected: str) -> None:
    assert normal_form(answer) == expected


@pytest.mark.parametrize("answer", ["Two dogs", "the ice-cream", "isnt", "1,000", "3 . 5"])
def test_a_normal_form_is_its_own(answer: str) -> None:
    assert normal_form(normal_form(answer)) == normal_form(answer)


def test_contractions_get_their_apostrophe_alone() -> None:
    assert all(long.replace("'", "") == short for short, long in CONTRACTIONS.items())
