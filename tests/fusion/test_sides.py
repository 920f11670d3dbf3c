"""The draw of sides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from polymodal_core.fusion import Exchange
from polymodal_fusion.sides import draw_exchange

COLUMNS = ["a", "b", "c", "d"]


def draws(number: int = 4000, **options: object) -> list[Exchange]:
    given = {"within": "sides", "alone": 0.25, "pairs": None, **options}
    columns = given.pop("columns", COLUMNS)
    return [
        draw_exchange(columns, rng=np.random.default_rng([7, step]), **given)  # type: ignore[arg-type]
        for step in range(number)
    ]


def test_sides_are_disjoint_and_only_columns_of_different_sides_are_compared() -> None:
    for exchange in draws(300):
        assert "a" in exchange.sides[0]
        assert sorted(column for side in exchange.sides for column in side) == COLUMNS
        assert exchange.compare is not None
        side_of = {column: number for number, side in enumerate(exchange.sides) for column in side}
        apart = {frozenset((a, b)) for a in COLUMNS for b in COLUMNS if side_of[a] != side_of[b]}
        assert {frozenset(pair) for pair in exchange.compare} == apart
        assert len(exchange.compare) == len(apart)


def test_every_split_is_as_likely_and_single_columns_have_their_share() -> None:
    found = Counter(frozenset(map(frozenset, exchange.sides)) for exchange in draws())
    singles = found.pop(frozenset(frozenset([column]) for column in COLUMNS))
    assert singles / 4000 == pytest.approx(0.25, abs=0.03)
    assert len(found) == 2**3 - 1
    for count in found.values():
        assert count / 3000 == pytest.approx(1 / 7, abs=0.03)


def test_the_same_step_draws_the_same() -> None:
    assert draws(50) == draws(50)


def test_one_of_the_pairs_that_count_is_always_apart() -> None:
    for exchange in draws(200, pairs=[("c", "b")], alone=0.0):
        assert len(exchange.sides) == 2
        assert any({"b", "c"} == set(pair) for pair in exchange.compare or ())


def test_two_columns_can_only_be_a_side_each() -> None:
    assert draws(1, columns=["a", "b"], alone=0.0) == [
        Exchange((("a",), ("b",)), frozenset({("a", "b")}))
    ]


def test_the_printed_form_shows_everything_to_everyone() -> None:
    assert draws(1, within="all") == [Exchange((tuple(COLUMNS),), None)]
