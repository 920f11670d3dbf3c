"""Which columns and pairs the rows of a store can train."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_core.errors import RecipeError, RunError
from polymodal_core.table import RowTable
from polymodal_losses.config import PCMCConfig
from polymodal_trainer.coverage import (
    check_pairs,
    check_training_rows,
    rows_with,
    rows_with_pairs,
)

NONE = np.full(4, -1)
TABLE = RowTable(
    items={
        "a": np.array([0, 1, -1, -1]),
        "b": np.array([-1, 0, 1, 2]),
        "c": np.array([-1, -1, -1, 0]),
    },
    instance=NONE,
    label=NONE,
    split=NONE,
    class_names=(),
    split_names=(),
)
ALL = np.arange(4)


def test_rows_are_counted_among_those_given() -> None:
    assert rows_with(TABLE, ["a", "b", "c"], ALL) == {"a": 2, "b": 3, "c": 1}
    assert rows_with(TABLE, ["a", "b"], np.array([0, 2])) == {"a": 1, "b": 1}


def test_all_pairs_or_those_of_the_objective() -> None:
    everything = rows_with_pairs(TABLE, ["a", "b", "c"], PCMCConfig(), ALL)
    assert everything == {"a-b": 1, "a-c": 0, "b-c": 1}
    some = PCMCConfig(pairs=(("c", "b"), ("a", "b", 0.5)))
    assert rows_with_pairs(TABLE, ["a", "b", "c"], some, ALL) == {"c-b": 1, "a-b": 1}


def test_empty_pairs_are_given_unless_all_are() -> None:
    assert check_pairs({"a-b": 1, "b-c": 0, "a-c": 0}) == ["a-c", "b-c"]
    with pytest.raises(
        RunError, match=r"no training row has both columns of any pair \(a-b, a-c\)"
    ):
        check_pairs({"a-c": 0, "a-b": 0})


def test_columns_without_a_training_row_are_listed_with_what_there_is() -> None:
    with pytest.raises(RecipeError) as caught:
        check_training_rows(TABLE, ["a", "b", "c"], np.array([0, 1]), "train")
    (problem,) = caught.value.problems
    assert problem.path == "modalities.c"
    assert "none of the 2 rows of split 'train'" in problem.message
    assert "a (2), b (1)" in problem.message
