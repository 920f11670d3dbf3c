"""Chance levels and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import PolymodalError
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEVEL = 0.95
ROUNDING = 1e-12
"""Resampled differences below it are 0: they come of the order of additions."""


@dataclass(frozen=True)
class Estimate:
    """A measured value, its 95 % interval [low, high] and the value that chance gives.

    The interval is None where there are fewer than two groups of queries to resample.
    """

    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None

    @property
    def above_chance(self) -> bool | None:
        """Whether the interval lies wholly above chance; None where either is unknown."""
        if self.low is None or self.chance is None:
            return None
        return self.low > self.chance

    @property
    def distinguishable(self) -> bool | None:
        """Whether the interval of a difference leaves out 0; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class PairedEstimate(Estimate):
    """A paired difference with the p-value of its being 0; None where nothing was resampled."""

    p_value: float | None = None


def chance_of_hit(num_relevant: ArrayLike, num_gallery: int, k: int) -> float:
    """Mean over queries of 1 - C(N-r, k) / C(N, k): r@k of a random order of N items.

    Queries without relevant items are left out; nan where none remains.
    """
    relevant = _relevant(num_relevant, num_gallery)
    drawn = np.arange(min(k, num_gallery), dtype=np.float64)
    # C(N-r, k) / C(N, k) as a product of k shares: no factorial, no cancellation in logarithms.
    misses = np.clip((num_gallery - relevant[:, None] - drawn) / (num_gallery - drawn), 0.0, None)
    return float(1.0 - misses.prod(axis=1).mean()) if len(relevant) else float("nan")


def chance_of_precision(num_relevant: ArrayLike, num_gallery: int) -> float:
    """Mean over queries of r / N: R-Precision of a random order of N items."""
    relevant = _relevant(num_relevant, num_gallery)
    return float(relevant.mean() / num_gallery) if len(relevant) else float("nan")


def _relevant(num_relevant: ArrayLike, num_gallery: int) -> Floats:
    found = np.asarray(num_relevant, dtype=np.float64)
    if found.max(initial=0) > num_gallery:
        raise PolymodalError(f"{found.max():.0f} relevant items in a gallery of {num_gallery}")
    return found[found > 0]


def clusters_of(query_keys: Any) -> Integers:
    """Group queries that share a key, directly or through others: cluster number [queries].

    `query_keys` is sparse [queries, keys], as in `Relevance`; a query without a key is a cluster
    of its own.
    """
    num_queries, num_keys = query_keys.shape
    edges = query_keys.tocoo()
    size = num_queries + num_keys
    ends = (edges.row, edges.col + num_queries)
    graph = sparse.coo_array((np.ones(edges.nnz, np.int8), ends), shape=(size, size))
    labels = csgraph.connected_components(graph, directed=False)[1][:num_queries]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def mean_intervals(
    values: Floats, clusters: Integers, *, resamples: int = 1000, seed: int = 0
) -> Floats | None:
    """Bootstrap means over queries: 95 % percentile intervals [metrics, 2].

    `values` [queries, metrics]; whole `clusters` [queries] are drawn, so that queries which share
    an instance stay together. None for fewer than two clusters, or without resamples.
    """
    found = _resampled_means(values, clusters, resamples=resamples, seed=seed)
    return None if found is None else percentile_intervals(found)


def _resampled_means(
    values: Floats, clusters: Integers, *, resamples: int, seed: int
) -> Floats | None:
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return None
    sums = _cluster_sums(values, clusters, num_clusters)
    sizes = np.bincount(clusters, minlength=num_clusters).astype(np.float64)
    means = [
        (drawn @ sums) / (drawn @ sizes)[:, None]
        for drawn in bootstrap_draws(num_clusters, resamples, seed)
    ]
    return np.concatenate(means)


def crossed_mean_interval(
    values: Floats, counts: Floats, clusters: Integers, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float] | None:
    """Bootstrap sum of `values` over sum of `counts`, both [draws, items], over both axes at once.

    Draws, and whole `clusters` [items], are each drawn with replacement: the interval holds what
    other draws and other items would give. None for fewer than two clusters, or without resamples.
    """
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return None
    sums = _cluster_sums(values.T, clusters, num_clusters).T
    sizes = _cluster_sums(counts.T, clusters, num_clusters).T
    num_draws = len(values)
    rng = np.random.default_rng([seed, num_clusters, num_draws])
    means = []
    for drawn in bootstrap_draws(num_clusters, resamples, seed):
        often = rng.multinomial(num_draws, np.full(num_draws, 1 / num_draws), size=len(drawn))
        means.append(((often @ sums) * drawn).sum(axis=1) / ((often @ sizes) * drawn).sum(axis=1))
    low, high = percentile_intervals(np.concatenate(means)[:, None])[0]
    return float(low), float(high)


def class_mean_interval(
    values: Floats, classes: Integers, clusters: Integers, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float] | None:
    """Bootstrap the mean over classes of the means of `values` within a class, as an interval.

    All arrays [queries]. None for fewer than two clusters, or without resamples.
    """
    found = resampled_class_means(values, classes, clusters, resamples=resamples, seed=seed)
    if found is None:
        return None
    low, high = percentile_intervals(found[:, None])[0]
    return float(low), float(high)


def resampled_class_means(
    values: Floats, classes: Integers, clusters: Integers, *, resamples: int, seed: int
) -> Floats | None:
    """Draw clusters anew, and give the mean over classes of their means each time: [resamples].

    All arrays [queries]. A class of which a resample holds no query is left out of its mean. None
    for fewer than two clusters, or without resamples.
    """
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return None
    shape = (num_clusters, int(classes.max(initial=-1)) + 1)
    places = (clusters, classes)
    # Stored transposed, so that the product with dense draws stays sparse-times-dense.
    sums = sparse.coo_array((values, places), shape=shape).tocsr().T
    sizes = sparse.coo_array((np.ones(len(values)), places), shape=shape).tocsr().T
    means = []
    for drawn in bootstrap_draws(num_clusters, resamples, seed):
        weights = sizes @ drawn.T
        shares = np.divide(sums @ drawn.T, weights, out=np.zeros_like(weights), where=weights > 0)
        means.append(shares.sum(axis=0) / np.maximum((weights > 0).sum(axis=0), 1))
    return np.concatenate(means)


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Integers,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedEstimate:
    """Estimate the mean of `first - second`, two models' values of the same queries [queries]."""
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    found = _resampled_means(difference[:, None], clusters, resamples=resamples, seed=seed)
    return paired_estimate(float(difference.mean()), None if found is None else found[:, 0])


def paired_estimate(value: float, resampled: Floats | None) -> PairedEstimate:
    """Estimate a difference from its resampled values [resamples]; None: there are none."""
    if resampled is None:
        return PairedEstimate(value, chance=0.0)
    # What differs by the order of additions alone does not differ.
    resampled = np.where(np.abs(resampled) < ROUNDING, 0.0, resampled)
    low, high = map(float, percentile_intervals(resampled[:, None])[0])
    return PairedEstimate(value, low, high, chance=0.0, p_value=bootstrap_p_value(resampled))


def paired_median_difference(
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    clusters: Integers,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedEstimate:
    """Estimate the median of `first` less that of `second`, each the mean of its runs' medians.

    Every run holds a value of the same queries [queries]; whole `clusters` are drawn.
    """
    sides = [[np.asarray(run, np.float64) for run in runs] for runs in (first, second)]
    means = [float(np.mean([np.median(run) for run in runs])) for runs in sides]
    value = means[0] - means[1]
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return paired_estimate(value, None)
    step = max(1, (1 << 22) // len(clusters))
    found = []
    for drawn in bootstrap_draws(num_clusters, resamples, seed):
        for start in range(0, len(drawn), step):
            weights = drawn[start : start + step][:, clusters]
            medians = [
                np.mean([weighted_medians(run, weights) for run in runs], axis=0) for runs in sides
            ]
            found.append(medians[0] - medians[1])
    return paired_estimate(value, np.concatenate(found))


def mean_of_differences(
    differences: Sequence[Floats],
    groups: Sequence[Integers],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedEstimate:
    """Estimate the mean over measurements of their mean differences [queries].

    `groups` [queries] are instances, -1 where unknown: an instance is drawn together in all
    measurements, since it is as hard in one as in the other. A measurement of which a resample
    holds no query is left out of its mean.
    """
    value = float(np.mean([part.mean() for part in differences]))
    sizes = [len(part) for part in differences]
    known = np.concatenate(list(groups))
    # A query of unknown instance is a group of its own.
    alone = known < 0
    known = np.where(alone, known.max(initial=0) + 1 + np.cumsum(alone), known)
    place = np.unique(known, return_inverse=True)[1]
    measurement = np.repeat(np.arange(len(sizes)), sizes)
    found = resampled_class_means(
        np.concatenate(list(differences)),
        measurement,
        place.ravel(),
        resamples=resamples,
        seed=seed,
    )
    return paired_estimate(value, found)


def weighted_medians(values: Floats, weights: Floats) -> Floats:
    """Give medians [resamples] of `values` [queries], each as often as whole `weights` say.

    `weights` are [resamples, queries].
    """
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[:, order], axis=1)
    total = ends[:, -1]
    middle = [np.floor((total + 1) / 2), np.floor(total / 2) + 1]  # equal where total is odd
    places = [(ends < part[:, None]).sum(axis=1) for part in middle]
    return np.asarray((values[order][places[0]] + values[order][places[1]]) / 2)


def _cluster_sums(values: Floats, clusters: Integers, num_clusters: int) -> Floats:
    return np.stack(
        [np.bincount(clusters, column, minlength=num_clusters) for column in values.T], axis=1
    )


def bootstrap_draws(num_clusters: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw clusters with replacement: how often each is drawn, [resamples of a part, clusters].

    A few MB at a time; the draws depend on the seed and the number of clusters alone, so that
    metrics stay paired.
    """
    rng = np.random.default_rng([seed, num_clusters])
    step = max(1, (1 << 20) // num_clusters)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(num_clusters, size=(size, num_clusters))
        drawn += np.arange(size)[:, None] * num_clusters
        counts = np.bincount(drawn.ravel(), minlength=size * num_clusters)
        yield counts.reshape(size, num_clusters).astype(np.float64)


def bootstrap_p_value(resampled: Floats) -> float:
    """Give the two-sided p-value of a difference that was resampled: [resamples].

    It is 1 less the level of the widest percentile interval that leaves out 0, so that p < 0.05
    says what the 95 % interval says (Efron and Tibshirani 1993, 15.4): no assumption about the
    metric or about ties, and clusters stay together as they were drawn. Never below
    2 / (resamples + 1), which so many draws cannot tell from 0 (Davison and Hinkley 1997, 4.2).
    """
    ordered = np.sort(resampled)
    tails = (_share_up_to(ordered), _share_up_to(-ordered[::-1]))
    return float(min(1.0, max(2 * min(tails), 2 / (len(ordered) + 1))))


def _share_up_to(ordered: Floats) -> float:
    """Give the largest q whose quantile, as `np.percentile` interpolates, is not above 0."""
    last = len(ordered) - 1
    below = int(np.searchsorted(ordered, 0.0, side="right"))
    if below == 0:
        return 0.0
    if below > last:
        return 1.0
    low, high = ordered[below - 1], ordered[below]
    return float((below - 1 + low / (low - high)) / last)


def percentile_intervals(resampled: Floats) -> Floats:
    """Give the 95 % percentile intervals [metrics, 2] of resampled values [resamples, metrics]."""
    tail = 100 * (1 - LEVEL) / 2
    return np.percentile(resampled, [tail, 100 - tail], axis=0).T
