"""Differences of metrics between two sides, over queries that all their runs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.class_scores import CLASS_SCORES, class_counts, resampled_scores
from polymodal_eval.comparison.reports import Queries
from polymodal_eval.pixel_counts import PIXEL_SCORES, resampled_pixel_scores
from polymodal_eval.statistics import (
    PairedEstimate,
    paired_difference,
    paired_estimate,
    paired_median_difference,
    resampled_class_means,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A metric of both sides, run by run, and the first's mean less the second's, paired."""

    metric: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    difference: PairedEstimate


@dataclass(frozen=True)
class Shared:
    """The queries that all runs share, each run's in the same order, first side first."""

    first: tuple[Queries, ...]
    second: tuple[Queries, ...]
    clusters: Integers


def join(runs: Sequence[Queries]) -> list[Integers] | None:
    """Find the queries that all runs have, by id and instance: places [shared] in each run.

    None where a run has two queries of one id and instance: they could not be told apart.
    """
    keys = [list(zip(run.id, run.instance.tolist(), strict=True)) for run in runs]
    places = [{key: place for place, key in enumerate(part)} for part in keys]
    if any(len(found) < len(part) for found, part in zip(places, keys, strict=True)):
        return None
    shared = [key for key in keys[0] if all(key in found for found in places[1:])]
    return [np.array([found[key] for key in shared], dtype=np.int64) for found in places]


def take(queries: Queries, places: Integers) -> Queries:
    """Give some of the queries, in the order of `places`."""
    return Queries(
        id=tuple(queries.id[place] for place in places),
        instance=queries.instance[places],
        cluster=queries.cluster[places],
        score=queries.score[places],
        rank=None if queries.rank is None else queries.rank[places],
        hits=None if queries.hits is None else queries.hits[places],
        num_relevant=None if queries.num_relevant is None else queries.num_relevant[places],
        average_precision=None
        if queries.average_precision is None
        else queries.average_precision[places],
        labels=None if queries.labels is None else tuple(queries.labels[place] for place in places),
        predicted=None if queries.predicted is None else queries.predicted[places],
        pixels=None if queries.pixels is None else queries.pixels.take(places),
    )


def query_values(metric: str, queries: Queries, headline: str) -> Floats | None:
    """Give each query's value of a metric that is a mean over queries; None for any other."""
    if queries.rank is not None:
        if metric.startswith("r@") and metric[2:].isdigit():
            return (queries.rank <= int(metric[2:])).astype(np.float64)
        if metric == "top5":
            return (queries.rank <= 5).astype(np.float64)
    if metric == "r_precision" and queries.hits is not None and queries.num_relevant is not None:
        return np.asarray(queries.hits / queries.num_relevant)
    if metric == "map" and queries.average_precision is not None:
        return queries.average_precision
    if metric in PIXEL_SCORES:  # of all pictures together, and not a mean over them
        return None
    return queries.score if metric == headline else None


def measure(
    metric: str, shared: Shared, headline: str, *, resamples: int, seed: int
) -> Difference | None:
    """Estimate the difference of a metric; None where it cannot be computed from the queries."""
    if metric == "median_rank":
        return _median(shared, resamples=resamples, seed=seed)
    if metric == "t1":
        return _class_average(shared, resamples=resamples, seed=seed)
    if metric in CLASS_SCORES:
        return _class_scores(metric, shared, resamples=resamples, seed=seed)
    if metric in PIXEL_SCORES:
        return _pixel_scores(metric, shared, resamples=resamples, seed=seed)
    sides = []
    for runs in (shared.first, shared.second):
        values = [query_values(metric, run, headline) for run in runs]
        kept = [value for value in values if value is not None]
        if len(kept) < len(values):
            return None
        sides.append(np.stack(kept))
    first, second = sides
    found = paired_difference(
        first.mean(axis=0), second.mean(axis=0), shared.clusters, resamples=resamples, seed=seed
    )
    return Difference(metric, _floats(first.mean(axis=1)), _floats(second.mean(axis=1)), found)


def _median(shared: Shared, *, resamples: int, seed: int) -> Difference | None:
    first = [run.rank for run in shared.first if run.rank is not None]
    second = [run.rank for run in shared.second if run.rank is not None]
    if len(first) < len(shared.first) or len(second) < len(shared.second):
        return None
    found = paired_median_difference(first, second, shared.clusters, resamples=resamples, seed=seed)
    medians = [tuple(float(np.median(rank)) for rank in side) for side in (first, second)]
    return Difference("median_rank", medians[0], medians[1], found)


def _class_scores(metric: str, shared: Shared, *, resamples: int, seed: int) -> Difference | None:
    labels = shared.first[0].labels
    if labels is None or any(len(part) != 1 for part in labels):
        return None
    actual = np.array([part[0] for part in labels], dtype=np.int64)
    values, drawn = [], []
    for runs in (shared.first, shared.second):
        predicted = [run.predicted for run in runs if run.predicted is not None]
        if len(predicted) < len(runs):
            return None
        size = 1 + max(int(part.max()) for part in (actual, *predicted))
        values.append(
            tuple(float(class_counts(actual, part, size).scores()[metric]) for part in predicted)
        )
        found = [
            resampled_scores(actual, part, shared.clusters, resamples=resamples, seed=seed)
            for part in predicted
        ]
        drawn.append([part[metric] for part in found if part is not None])
    return _of_draws(metric, values, drawn)


def _pixel_scores(metric: str, shared: Shared, *, resamples: int, seed: int) -> Difference | None:
    values, drawn = [], []
    for runs in (shared.first, shared.second):
        counts = [run.pixels for run in runs if run.pixels is not None]
        if len(counts) < len(runs):
            return None
        values.append(tuple(float(part.total().scores()[metric]) for part in counts))
        found = [
            resampled_pixel_scores(part, shared.clusters, resamples=resamples, seed=seed)
            for part in counts
        ]
        drawn.append([part[metric] for part in found if part is not None])
    return _of_draws(metric, values, drawn)


def _of_draws(
    metric: str, values: Sequence[tuple[float, ...]], drawn: Sequence[Sequence[Floats]]
) -> Difference:
    value = float(np.mean(values[0]) - np.mean(values[1]))
    found = None
    if drawn[0] and drawn[1]:
        found = np.asarray(np.mean(drawn[0], axis=0) - np.mean(drawn[1], axis=0))
    return Difference(metric, values[0], values[1], paired_estimate(value, found))


def _class_average(shared: Shared, *, resamples: int, seed: int) -> Difference | None:
    labels = shared.first[0].labels
    if labels is None:
        return None
    query = np.repeat(np.arange(len(labels)), [len(part) for part in labels])
    names = np.array([label for part in labels for label in part], dtype=np.int64)
    classes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    counts = np.bincount(classes)
    means = [
        np.array([(np.bincount(classes, run.score[query]) / counts).mean() for run in runs])
        for runs in (shared.first, shared.second)
    ]
    scores = [
        np.mean([run.score for run in runs], axis=0) for runs in (shared.first, shared.second)
    ]
    found = resampled_class_means(
        (scores[0] - scores[1])[query],
        classes,
        shared.clusters[query],
        resamples=resamples,
        seed=seed,
    )
    value = float(means[0].mean() - means[1].mean())
    estimate = paired_estimate(value, found)
    return Difference("t1", _floats(means[0]), _floats(means[1]), estimate)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
