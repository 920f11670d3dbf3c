"""Which pairs an objective compares."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.pairs import check_one_pair, check_pairs, resolve_pairs


def test_none_means_all_pairs_in_the_order_of_the_columns() -> None:
    assert check_pairs(None) is None
    assert resolve_pairs(["c", "a", "b"], None) == {
        ("c", "a"): 1.0,
        ("c", "b"): 1.0,
        ("a", "b"): 1.0,
    }
    assert list(resolve_pairs(["c", "a", "b"], None)) == [("c", "a"), ("c", "b"), ("a", "b")]


def test_weights_are_kept_as_given() -> None:
    checked = check_pairs({("text", "image"): 2, ("image", "depth"): 0})
    assert checked == {("text", "image"): 2.0, ("image", "depth"): 0.0}
    assert resolve_pairs(["image", "text", "depth"], checked) == checked


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "pairs is empty"),
        ([("a", "b")], r"pairs is \[\('a', 'b'\)\] of type list; wanted"),
        ({"ab": 1.0}, r"'ab' is no pair; wanted two column names"),
        ({("a", "b", "c"): 1.0}, r"\('a', 'b', 'c'\) is no pair"),
        ({("a", 1): 1.0}, r"\('a', 1\) is no pair"),
        ({("a", "a"): 1.0}, r"pair \(a, a\) compares a column with itself"),
        ({("a", "b"): 1.0, ("b", "a"): 2.0}, r"names \(a, b\) and \(b, a\): they are one pair"),
        ({("a", "b"): -0.5}, r"weight of pair \(a, b\) is -0.5; wanted a finite number >= 0"),
        ({("a", "b"): float("nan")}, "is nan"),
        ({("a", "b"): float("inf")}, "is inf"),
        ({("a", "b"): "1"}, "is '1'"),
    ],
)
def test_impossible_pairs_are_refused_with_what_was_given(pairs: Any, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        check_pairs(pairs)


def test_an_unknown_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ObjectiveError) as caught:
        resolve_pairs(["image", "text"], {("imgae", "text"): 1.0})
    assert "pair (imgae, text) names column 'imgae', which has no embeddings" in str(caught.value)
    assert "did you mean 'image'? known: image, text" in str(caught.value)


@pytest.mark.parametrize("columns", [[], ["image"]])
def test_fewer_than_two_columns_have_no_pair(columns: list[str]) -> None:
    with pytest.raises(ObjectiveError, match="a pair needs at least two"):
        resolve_pairs(columns, None)


def test_one_pair_at_most_where_two_columns_are_compared() -> None:
    check_one_pair([])
    check_one_pair([("a", "b")])
    with pytest.raises(ObjectiveError, match="pairs names 2"):
        check_one_pair([("a", "b"), ("b", "c")])
