"""Damage to text: how much, to what, and that something always remains."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from polymodal_text.corruptions import drop_words, swap_words, typos

TEXT = "one two three four five six seven eight nine ten " * 20


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("corrupt", [typos, drop_words, swap_words])
def test_something_remains_of_the_shortest_text(corrupt: object) -> None:
    for text in ("a", "a b", "é"):
        for seed in range(40):
            assert str(corrupt(text, 1.0, rng(seed))).strip()  # type: ignore[operator]


def test_severity_is_the_share_of_words_dropped() -> None:
    kept = drop_words(TEXT, 0.3, rng()).split()
    assert len(kept) / 200 == pytest.approx(0.7, abs=0.08)
    assert set(kept) <= set(TEXT.split())


def test_swapping_moves_words_by_one_place_and_loses_none() -> None:
    words = [f"w{number}" for number in range(100)]
    swapped = swap_words(" ".join(words), 0.5, rng()).split()
    assert Counter(swapped) == Counter(words)
    moves = [abs(swapped.index(word) - place) for place, word in enumerate(words)]
    assert max(moves) == 1
    assert sum(moves) > 20


def test_typos_touch_letters_in_proportion_and_no_spaces() -> None:
    damaged = typos(TEXT, 0.1, rng())
    assert damaged != TEXT
    assert len(damaged.split()) == pytest.approx(200, abs=5)
    untouched = sum(a == b for a, b in zip(damaged.split(), TEXT.split(), strict=False))
    few = typos(TEXT, 0.01, rng())
    kept = sum(a == b for a, b in zip(few.split(), TEXT.split(), strict=False))
    assert kept > untouched


def test_every_slip_occurs() -> None:
    found = {typos("abcdef", 0.15, rng(seed)) for seed in range(3000)}
    assert "abdef" in found  # left out
    assert "abccdef" in found  # doubled
    assert "acbdef" in found  # swapped
    assert any(
        len(text) == 6 and sum(a != b for a, b in zip(text, "abcdef", strict=True)) == 1
        for text in found
    )
