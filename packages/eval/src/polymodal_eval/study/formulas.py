"""Numbers out of samples, and all their intervals out of one bootstrap."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from polymodal_eval.class_scores import counts_of_draws
from polymodal_eval.statistics import (
    Estimate,
    PairedEstimate,
    bootstrap_draws,
    paired_estimate,
    percentile_intervals,
    weighted_medians,
)
from polymodal_eval.study.samples import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mean:
    """The mean over samples: over pairs of columns."""

    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Difference:
    """The first less the second; `relative` to the second."""

    first: Formula
    second: Formula
    relative: bool = False


@dataclass(frozen=True)
class Average:
    """The mean over cells."""

    parts: tuple[Formula, ...]


Formula = Mean | Difference | Average


def samples_in(formula: Formula) -> list[Sample]:
    """List the samples that a formula is made of, in order, repeats included."""
    if isinstance(formula, Mean):
        return list(formula.samples)
    if isinstance(formula, Difference):
        return [*samples_in(formula.first), *samples_in(formula.second)]
    return [sample for part in formula.parts for sample in samples_in(part)]


def calculate(formula: Formula, value: Callable[[Sample], Any]) -> Any:
    """Calculate a formula from the samples' values: numbers, or arrays [resamples]."""
    if isinstance(formula, Mean):
        return _mean([value(sample) for sample in formula.samples])
    if isinstance(formula, Average):
        return _mean([calculate(part, value) for part in formula.parts])
    first, second = calculate(formula.first, value), calculate(formula.second, value)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (first - second) / second if formula.relative else first - second


def by_run(formula: Formula) -> dict[str, float]:
    """Calculate a formula run by run, where all its samples are of runs alike; else give {}."""
    samples = samples_in(formula)
    keys = samples[0].run_keys
    if any(sample.run_keys != keys for sample in samples) or len(set(keys)) < len(keys):
        return {}
    values = np.atleast_1d(calculate(formula, lambda sample: sample.by_run))
    return {key: float(value) for key, value in zip(keys, values, strict=True)}


def estimates(
    formulas: Sequence[Formula], *, resamples: int = 1000, seed: int = 0
) -> list[Estimate]:
    """Estimate formulas with 95 % percentile intervals, all from the same draws.

    What is drawn are instances, with all of their queries in all samples, so that differences are
    paired whatever they are made of. Differences come with p-values (`PairedEstimate`). No
    interval for fewer than two instances.
    """
    unique = {id(sample): sample for formula in formulas for sample in samples_in(formula)}
    values = [float(calculate(item, lambda sample: sample.by_run.mean())) for item in formulas]
    drawn = _resampled(list(unique.values()), resamples=resamples, seed=seed)
    if drawn is None:
        return [
            PairedEstimate(value) if is_difference(item) else Estimate(value)
            for item, value in zip(formulas, values, strict=True)
        ]
    places = {key: drawn[number] for number, key in enumerate(unique)}
    found = []
    for formula, value in zip(formulas, values, strict=True):
        array = np.asarray(calculate(formula, lambda sample: places[id(sample)]))
        array = array[np.isfinite(array)]
        if not len(array) or not np.isfinite(value):
            found.append(Estimate(value))
            continue
        if is_difference(formula):
            found.append(paired_estimate(value, array))
            continue
        low, high = map(float, percentile_intervals(array[:, None])[0])
        found.append(Estimate(value, low, high))
    return found


def is_difference(formula: Formula) -> bool:
    """Say whether a formula is a difference, or a mean of nothing else."""
    if isinstance(formula, Average):
        return all(map(is_difference, formula.parts))
    return isinstance(formula, Difference)


def groups_of(samples: Sequence[Sample]) -> list[Integers]:
    """Number what bootstraps draw whole: [queries] of every sample.

    Queries belong together that are one query in two samples, share an instance, or a cluster of
    their sample, directly or through others.
    """
    # Stores number their instances each for itself.
    nodes: dict[Any, int] = {}
    edges: list[tuple[int, int]] = []
    queries: list[list[int]] = []
    for number, sample in enumerate(samples):
        query, store = sample.line.content["query"], sample.store
        numbers = []
        clusters, instances = sample.cluster.tolist(), sample.instance.tolist()
        for key, cluster, instance in zip(sample.keys, clusters, instances, strict=True):
            own = nodes.setdefault(("query", store, query, key), len(nodes))
            edges.append((own, nodes.setdefault(("cluster", number, cluster), len(nodes))))
            if instance >= 0:
                edges.append((own, nodes.setdefault(("instance", store, instance), len(nodes))))
            numbers.append(own)
        queries.append(numbers)
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    size = len(nodes)
    graph = sparse.coo_array((np.ones(ends.shape[1], np.int8), tuple(ends)), shape=(size, size))
    labels = csgraph.connected_components(graph, directed=False)[1]
    return [labels[np.array(numbers, dtype=np.int64)].astype(np.int64) for numbers in queries]


def _resampled(samples: Sequence[Sample], *, resamples: int, seed: int) -> list[Floats] | None:
    groups = groups_of(samples)
    count = max((int(part.max()) for part in groups), default=-1) + 1
    if count < 2 or resamples < 1:
        return None
    statistics = [
        _statistic(sample, part, count) for sample, part in zip(samples, groups, strict=True)
    ]
    found: list[list[Floats]] = [[] for _ in samples]
    for drawn in bootstrap_draws(count, resamples, seed):
        for parts, statistic in zip(found, statistics, strict=True):
            parts.append(statistic(drawn))
    return [np.concatenate(parts) for parts in found]


def _statistic(sample: Sample, group: Integers, count: int) -> Callable[[Floats], Floats]:
    """Give what turns draws [resamples, groups] into the metric of each: nan where none is left."""
    if sample.kind == "median":
        return lambda drawn: _medians(sample, drawn[:, group])
    if sample.kind == "pixels":
        return _of_pixels(sample, group, count)
    if sample.kind == "classes":
        return _of_classes(sample, group, count)
    values = sample.values.mean(axis=0)
    if sample.kind == "mean":
        sums = np.bincount(group, values, minlength=count)
        sizes = np.bincount(group, minlength=count).astype(np.float64)
        return lambda drawn: _ratio(drawn @ sums, drawn @ sizes)
    query, number = sample.examples
    shape = (int(number.max(initial=-1)) + 1, count)
    places = (number, group[query])
    class_sums = sparse.coo_array((values[query], places), shape=shape).tocsr()
    class_sizes = sparse.coo_array((np.ones(len(query)), places), shape=shape).tocsr()
    return lambda drawn: _mean(list(_ratio(class_sums @ drawn.T, class_sizes @ drawn.T)))


def _of_pixels(sample: Sample, group: Integers, count: int) -> Callable[[Floats], Floats]:
    runs = [part.by_group(group, count) for part in sample.pixels]

    def statistic(drawn: Floats) -> Floats:
        found = [part.total(drawn).scores()[sample.metric] for part in runs]
        return np.asarray(_mean(found))

    return statistic


def _of_classes(sample: Sample, group: Integers, count: int) -> Callable[[Floats], Floats]:
    query, actual = sample.labelled
    runs = [
        counts_of_draws(actual, predicted[query], group[query], count)
        for predicted in sample.predicted
    ]

    def statistic(drawn: Floats) -> Floats:
        found = np.asarray(_mean([counts(drawn).scores()[sample.metric] for counts in runs]))
        return np.where((drawn[:, group] > 0).any(axis=1), found, np.nan)

    return statistic


def _medians(sample: Sample, weights: Floats) -> Floats:
    held = weights.sum(axis=1) > 0
    found = np.full(len(weights), np.nan)
    if held.any():
        medians = [weighted_medians(run, weights[held]) for run in sample.values]
        found[held] = np.mean(medians, axis=0)
    return found


def _ratio(sums: Floats, sizes: Floats) -> Floats:
    return np.divide(sums, sizes, out=np.full_like(sums, np.nan), where=sizes > 0)


def _mean(values: Sequence[Any]) -> Any:
    # A part of which a resample holds nothing is left out of its mean.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(np.stack([np.asarray(value, np.float64) for value in values]), axis=0)
