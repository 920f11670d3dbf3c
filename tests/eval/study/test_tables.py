from __future__ import annotations

from typing import Any

import pytest
from polymodal_eval.study.tables import Selector, TableConfig, combined
from pydantic import ValidationError


def selector(**given: Any) -> Selector:
    return Selector.model_validate(given)


def test_the_last_word_counts_and_where_is_merged() -> None:
    found = combined(
        selector(metric="r@1", split="test", where={"a": 1, "b": 2}),
        selector(metric="map", where={"b": 3}),
    )
    assert (found.metric, found.split, found.where) == ("map", "test", {"a": 1, "b": 3})


def test_one_way_to_name_pairs_replaces_another() -> None:
    found = combined(selector(between=("a", "b")), selector(pairs=[("c", "d")]))
    assert (found.between, found.pairs) == (None, (("c", "d"),))
    found = combined(selector(pairs=[("c", "d")]), selector(query="x"), selector(gallery="y"))
    assert (found.pairs, found.query, found.gallery) == (None, "x", "y")


def test_minus_is_merged_too() -> None:
    found = combined(
        selector(minus={"where": {"a": 1}, "metric": "map"}), selector(minus={"where": {"b": 2}})
    )
    assert found.minus is not None
    assert (found.minus.where, found.minus.metric) == ({"a": 1, "b": 2}, "map")


def test_dashes_of_a_paper() -> None:
    given = {"title": "t", "rows": "a", "columns": "b", "reference": {"x": [1, "-", "–", 2.5]}}
    assert TableConfig.model_validate(given).reference == {"x": (1.0, None, None, 2.5)}
    with pytest.raises(ValidationError):
        TableConfig.model_validate({**given, "reference": {"x": ["high"]}})
