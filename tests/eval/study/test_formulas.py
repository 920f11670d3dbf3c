"""Numbers and intervals against references written loop by loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_eval.comparison.reports import Line, Report
from polymodal_eval.statistics import PairedEstimate, bootstrap_draws, bootstrap_p_value
from polymodal_eval.study.formulas import (
    Average,
    Difference,
    Formula,
    Mean,
    by_run,
    estimates,
    groups_of,
    samples_in,
)
from polymodal_eval.study.samples import Kind, Sample


def sample(
    rng: np.random.Generator,
    *,
    kind: Kind = "mean",
    queries: int = 30,
    instances: int = 12,
    runs: int = 2,
    query: str = "image",
    keys: Any = None,
) -> Sample:
    """Queries of few instances, some of none, with ties and several labels each."""
    instance = rng.integers(-1, instances, size=queries)
    cluster = np.where(instance < 0, 1000 + np.arange(queries), instance)
    values: Any = rng.integers(0, 2, size=(runs, queries)).astype(float)
    if kind == "median":
        values = rng.integers(1, 9, size=(runs, queries)).astype(float)
    return Sample(
        Line("retrieval", "test", {"query": query, "gallery": "text"}),
        Report(Path("run"), {}, None),
        kind,
        values,
        instance,
        cluster,
        keys or tuple((f"{query}{number}", int(instance[number])) for number in range(queries)),
        tuple(map(str, range(runs))),
        tuple(
            tuple(rng.choice(4, size=1 + number % 2, replace=False)) for number in range(queries)
        ),
        metric="f1" if kind == "classes" else "",
        predicted=tuple(rng.integers(-1, 5, size=(runs, queries))) if kind == "classes" else (),
    )


def metric_of(item: Sample, times: np.ndarray[Any, Any]) -> float:
    """The metric where every query counts `times` [queries] often, run by run."""
    found = []
    for number, run in enumerate(item.values):
        if item.kind == "classes":
            found.append(macro_f1(item.labels or (), item.predicted[number], times))
        elif item.kind == "mean":
            total = sum(times)
            found.append(
                sum(t * v for t, v in zip(times, run, strict=True)) / total if total else np.nan
            )
        elif item.kind == "median":
            listed = [v for t, v in zip(times, run, strict=True) for _ in range(int(t))]
            found.append(float(np.median(listed)) if listed else np.nan)
        else:
            shares = []
            for label in range(4):
                right, count = 0.0, 0.0
                for t, v, labels in zip(times, run, item.labels or (), strict=True):
                    if label in labels:
                        right, count = right + t * v, count + t
                if count:
                    shares.append(right / count)
            found.append(sum(shares) / len(shares) if shares else np.nan)
    return sum(found) / len(found)


def macro_f1(labels: Any, predicted: Any, times: Any) -> float:
    scores = []
    for label in range(4):
        right, taken, actual = 0.0, 0.0, 0.0
        for t, guess, own in zip(times, predicted, labels, strict=True):
            right += t * (label in own and guess == label)
            taken += t * len(own) * (guess == label)
            actual += t * (label in own)
        if actual:
            scores.append(2 * right / (taken + actual))
    return sum(scores) / len(scores) if scores else np.nan


def value_of(formula: Formula, times: dict[int, Any]) -> float:
    if isinstance(formula, Mean):
        parts = [metric_of(item, times[id(item)]) for item in formula.samples]
        parts = [part for part in parts if not np.isnan(part)]
        return sum(parts) / len(parts)
    if isinstance(formula, Average):
        return sum(value_of(part, times) for part in formula.parts) / len(formula.parts)
    first, second = value_of(formula.first, times), value_of(formula.second, times)
    return (first - second) / second if formula.relative else first - second


@pytest.mark.parametrize("seed", range(4))
def test_values_and_intervals_equal_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = [
        sample(rng),
        sample(rng, query="text", queries=17),
        sample(rng, kind="class_mean", queries=40, runs=3),
        sample(rng, kind="median", queries=25),
        sample(rng, kind="classes", queries=35),
    ]
    one, two = Mean((items[0], items[1])), Mean((items[2],))
    formulas: list[Formula] = [
        one,
        two,
        Mean((items[3],)),
        Mean((items[4],)),
        Difference(Mean((items[4],)), two),
        Difference(one, two),
        Difference(two, one, relative=True),
        Average((one, Difference(one, two))),
    ]
    found = estimates(formulas, resamples=60, seed=seed)

    groups = groups_of(items)
    count = max(int(part.max()) for part in groups) + 1
    whole = {id(item): np.ones(len(item.keys)) for item in items}
    draws = np.concatenate(list(bootstrap_draws(count, 60, seed)))
    for formula, estimate in zip(formulas, found, strict=True):
        assert estimate.value == pytest.approx(value_of(formula, whole), abs=1e-12)
        resampled = []
        for drawn in draws:
            times = {id(item): drawn[group] for item, group in zip(items, groups, strict=True)}
            resampled.append(value_of(formula, times))
        low, high = np.percentile(resampled, [2.5, 97.5])
        assert estimate.low == pytest.approx(low, abs=1e-12)
        assert estimate.high == pytest.approx(high, abs=1e-12)
        if isinstance(formula, Difference):
            assert isinstance(estimate, PairedEstimate)
            assert estimate.p_value == pytest.approx(bootstrap_p_value(np.array(resampled)))
        else:
            assert not isinstance(estimate, PairedEstimate)


def test_queries_of_an_instance_a_cluster_or_two_samples_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    items = [sample(rng, queries=9, instances=4), sample(rng, queries=8, instances=4, query="t")]
    groups = groups_of(items)
    queries = [(n, place) for n, item in enumerate(items) for place in range(len(item.keys))]
    for n, a in queries:
        for m, b in queries:
            same_instance = items[n].instance[a] == items[m].instance[b] >= 0
            same_cluster = n == m and items[n].cluster[a] == items[m].cluster[b]
            together = groups[n][a] == groups[m][b]
            assert together == (same_instance or same_cluster)


def test_a_query_without_instance_is_one_group_in_two_samples_of_its_column() -> None:
    rng = np.random.default_rng(0)
    keys = tuple((f"class{number}", -1) for number in range(6))
    first, second = (
        sample(rng, queries=6, instances=0, query="prototypes", keys=keys) for _ in range(2)
    )
    groups = groups_of([first, second])
    assert groups[0].tolist() == groups[1].tolist()
    assert len(set(groups[0].tolist())) == 6


def test_a_difference_to_itself_is_0_with_no_width() -> None:
    item = Mean((sample(np.random.default_rng(0)),))
    (found,) = estimates([Difference(item, item)], resamples=50)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert isinstance(found, PairedEstimate)
    assert found.p_value == 1.0
    assert found.distinguishable is False


def test_a_paired_interval_is_narrower_than_of_strangers() -> None:
    rng = np.random.default_rng(1)
    first = sample(rng, queries=200, instances=200, runs=1)
    close = Sample(**{**vars(first), "values": first.values.copy()})
    close.values[0, :4] = 1 - close.values[0, :4]
    (paired, alone) = estimates([Difference(Mean((first,)), Mean((close,))), Mean((first,))])
    assert paired.low is not None
    assert paired.high is not None
    assert alone.low is not None
    assert alone.high is not None
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_no_interval_of_one_instance_or_without_resamples() -> None:
    rng = np.random.default_rng(0)
    alone = sample(rng, queries=3, instances=1)
    alone = Sample(**{**vars(alone), "instance": np.zeros(3, int), "cluster": np.zeros(3, int)})
    many = sample(rng)
    assert estimates([Mean((alone,))])[0].low is None
    assert estimates([Mean((many,))], resamples=0)[0].low is None
    (bare,) = estimates([Difference(Mean((many,)), Mean((alone,)))], resamples=0)
    assert isinstance(bare, PairedEstimate)
    assert bare.p_value is None


def test_division_by_zero_is_no_number() -> None:
    rng = np.random.default_rng(0)
    nothing = sample(rng)
    nothing.values[:] = 0
    (found,) = estimates([Difference(Mean((sample(rng),)), Mean((nothing,)), relative=True)])
    assert not np.isfinite(found.value)
    assert found.low is None


def test_values_run_by_run_need_the_same_runs_everywhere() -> None:
    rng = np.random.default_rng(0)
    one, two = sample(rng, runs=2), sample(rng, runs=2, query="text")
    found = by_run(Difference(Mean((one,)), Mean((two,))))
    assert found == {
        key: pytest.approx(one.values[number].mean() - two.values[number].mean())
        for number, key in enumerate("01")
    }
    assert by_run(Mean((one, sample(rng, runs=3)))) == {}
    assert samples_in(Average((Mean((one,)), Difference(Mean((two,)), Mean((one,)))))) == [
        one, two, one,
    ]  # fmt: skip
