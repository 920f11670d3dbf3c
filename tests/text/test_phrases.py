"""Noun phrases without a tagger: what is found, and what a swap keeps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from polymodal_text.phrases import PhraseShuffling, noun_phrases, swap_phrases

from tests.text.captions import CAPTIONS


def phrases(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[place]) for place in noun_phrases(words)]


def swapped(text: str) -> set[str]:
    return {swap_phrases(text, np.random.default_rng(seed)) for seed in range(40)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A big red cube stands near a ball.", ["A big red cube", "a ball."]),
        ("Two objects are between blue walls", ["Two objects", "blue walls"]),
        ("a ball is on the left of the yellow cone", ["a ball", "the yellow cone"]),
        ("A man riding a horse", ["A man", "a horse"]),
        ("a painting in the building", ["a painting", "the building"]),
        ("lamp, table, chair", ["lamp,", "table,", "chair"]),
        ("a baking tray of one of the rings", ["tray", "the rings"]),
        ("He sees them with it", []),
        ("the", []),
        ("... !", []),
        ("all the men , some dogs", ["all the men", "some dogs"]),
        ('She says "big dogs" bark', ["says", '"big dogs"', "bark"]),
    ],
)
def test_phrases_are_runs_between_function_words(text: str, expected: list[str]) -> None:
    assert phrases(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A big red cube stands near a ball.", {"A ball stands near a big red cube."}),
        ("lamp (old), table", {"table (old), lamp", "lamp (table), old", "old (lamp), table"}),
        ("NASA rockets and Paul's dog", {"Paul's dog and NASA rockets"}),
        ("It is big. A dog barks at cats!", {"It is cats. A dog barks at big!"}),
        ("the dog runs. Two cats sit.", {"two cats runs. The dog sit."}),
    ],
)
def test_a_swap_keeps_capitals_and_punctuation_in_place(text: str, expected: set[str]) -> None:
    found = swapped(text)
    assert expected <= found
    assert text not in found


@pytest.mark.parametrize(
    "text", ["A man.", "", "a dog and a dog", "Ein Stuhl steht im Zimmer", "  The dog  runs "]
)
def test_without_two_different_phrases_a_text_stays_to_the_letter(text: str) -> None:
    assert swapped(text) == {text}


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_swap_loses_and_makes_up_no_word(caption: str) -> None:
    for found in swapped(caption):
        assert Counter(found.lower().split()) == Counter(caption.lower().split()) or (
            sorted(found.lower().replace(".", "").replace(",", "").split())
            == sorted(caption.lower().replace(".", "").replace(",", "").split())
        )


def test_the_share_of_texts_is_as_asked() -> None:
    text = "a red ball near a blue cube"
    shuffle = PhraseShuffling(0.3)
    changed = [shuffle(text, np.random.default_rng(seed)) != text for seed in range(2000)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.03)
    assert PhraseShuffling(1.0)(text, np.random.default_rng(0)) == "a blue cube near a red ball"
