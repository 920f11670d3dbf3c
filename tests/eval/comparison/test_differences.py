from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from polymodal_eval.comparison.differences import Shared, join, measure, query_values, take
from polymodal_eval.comparison.reports import Queries
from polymodal_eval.statistics import class_mean_interval, paired_difference


def queries(rank: Any, *, labels: Any = None, ids: Any = None, **changes: Any) -> Queries:
    ranks = np.asarray(rank, dtype=np.int64)
    given: dict[str, Any] = {
        "id": tuple(ids or (f"q{number}" for number in range(len(ranks)))),
        "instance": np.arange(len(ranks)),
        "cluster": np.arange(len(ranks)),
        "score": (ranks == 1).astype(np.float64),
        "rank": ranks,
        "hits": (ranks <= 2).astype(np.int64),
        "num_relevant": np.full(len(ranks), 2),
        "average_precision": 1 / ranks,
        "labels": labels,
        **changes,
    }
    return Queries(**given)


def shared(first: Any, second: Any, **options: Any) -> Shared:
    sides = [tuple(queries(rank, **options) for rank in side) for side in (first, second)]
    return Shared(sides[0], sides[1], np.arange(len(first[0])))


def test_queries_are_joined_by_id_and_instance_whatever_their_order() -> None:
    first = queries([1, 2, 3, 4], ids="abcd")
    second = queries([9, 8, 7], ids="cax", instance=np.array([2, 0, 1]))
    third = queries([5, 6, 6], ids="dac", instance=np.array([3, 0, 2]))

    places = join([first, second, third])

    assert places is not None
    assert [part.tolist() for part in places] == [[0, 2], [1, 0], [1, 2]]
    assert take(second, places[1]).rank.tolist() == [8, 9]  # type: ignore[union-attr]
    assert take(second, places[1]).id == ("a", "c")
    # The same id of another instance is another query.
    other = join([first, queries([1], ids="a", instance=np.array([5]))])
    assert other is not None
    assert other[0].tolist() == []


def test_queries_that_cannot_be_told_apart_are_not_joined() -> None:
    twice = queries([1, 2], ids="aa", instance=np.array([3, 3]))

    assert join([queries([1], ids="a"), twice]) is None
    assert join([queries([1, 1], ids="aa"), queries([1, 2], ids="aa")]) is not None


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("r@1", [1, 0, 0]),
        ("r@3", [1, 1, 0]),
        ("top5", [1, 1, 0]),
        ("r_precision", [0.5, 0.5, 0.0]),
        ("map", [1, 1 / 3, 1 / 8]),
        ("accuracy", [1, 0, 0]),
        ("novelty", None),
    ],
)
def test_metrics_are_computed_from_what_is_kept_of_each_query(metric: str, wanted: Any) -> None:
    given = replace(queries([1, 3, 8]), hits=np.array([1, 1, 0]))
    found = query_values(metric, given, "accuracy")

    assert (None if found is None else found.tolist()) == (wanted and pytest.approx(wanted))
    bare = replace(given, rank=None, hits=None, average_precision=None)
    assert (query_values(metric, bare, "accuracy") is None) == (metric != "accuracy")


def test_differences_are_paired_and_runs_of_a_side_averaged() -> None:
    rng = np.random.default_rng(0)
    first = [rng.integers(1, 4, 60), rng.integers(1, 4, 60)]
    second = [rng.integers(1, 6, 60)]

    found = measure("r@2", shared(first, second), "r@1", resamples=200, seed=3)

    hits = [np.stack([rank <= 2 for rank in side]).astype(float) for side in (first, second)]
    wanted = paired_difference(
        hits[0].mean(0), hits[1].mean(0), np.arange(60), resamples=200, seed=3
    )
    assert found is not None
    assert found.first == pytest.approx(tuple(hits[0].mean(1)))
    assert found.second == pytest.approx(tuple(hits[1].mean(1)))
    assert found.difference == wanted
    assert found.difference.value == pytest.approx(np.mean(found.first) - np.mean(found.second))


def test_t1_averages_over_classes_and_queries_of_two_classes_count_in_both() -> None:
    labels = ((0,), (0, 1), (1,), (1,), (2,))
    given = shared([[1, 1, 2, 2, 1]], [[1, 2, 2, 1, 2]], labels=labels)

    found = measure("t1", given, "accuracy", resamples=100, seed=0)

    assert found is not None
    assert found.first == pytest.approx(((1 + 1 / 3 + 1) / 3,))
    assert found.second == pytest.approx(((1 / 2 + 1 / 3 + 0) / 3,))
    assert found.difference.value == pytest.approx((1 / 2 + 0 + 1) / 3)
    interval = class_mean_interval(
        np.array([0.0, 1, 1, 0, -1, 1]),
        np.array([0, 0, 1, 1, 1, 2]),
        np.array([0, 1, 1, 2, 3, 4]),
        resamples=100,
    )
    assert (found.difference.low, found.difference.high) == interval
    assert measure("t1", shared([[1]], [[1]]), "accuracy", resamples=10, seed=0) is None


def test_medians_are_of_each_run() -> None:
    found = measure(
        "median_rank", shared([[1, 2, 9], [3, 3, 3]], [[5, 5, 6]]), "r@1", resamples=50, seed=0
    )

    assert found is not None
    assert (found.first, found.second) == ((2.0, 3.0), (5.0,))
    assert found.difference.value == -2.5
    assert found.difference.low is not None
    alone = (replace(queries([1, 2]), rank=None),)
    unranked = Shared(alone, alone, np.arange(2))
    assert measure("median_rank", unranked, "r@1", resamples=10, seed=0) is None
    assert measure("r@5", unranked, "r@1", resamples=10, seed=0) is None
