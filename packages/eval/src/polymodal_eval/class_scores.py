"""Precision, recall and F1 of classes, and their bootstrap, from counts of each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from polymodal_eval.statistics import bootstrap_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

SCORES = ("precision", "recall", "f1", "f1_weighted")
"""Means over classes; `f1_weighted` weighs them by their number of queries."""


@dataclass(frozen=True)
class ClassCounts:
    """How often each class was right, predicted and true: [..., classes] each."""

    right: Floats
    predicted: Floats
    actual: Floats

    def by_class(self) -> dict[str, Floats]:
        """Give precision, recall and F1 of each class [..., classes]; 0 where there is none."""
        return {
            "precision": _share(self.right, self.predicted),
            "recall": _share(self.right, self.actual),
            "f1": _share(2 * self.right, self.predicted + self.actual),
        }

    def scores(self) -> dict[str, Floats]:
        """Average over the classes that occur, and F1 weighted by how often they do: [...]."""
        occurs = (self.actual > 0).astype(np.float64)
        classes = self.by_class()
        found = {name: _mean(values, occurs) for name, values in classes.items()}
        return {**found, "f1_weighted": _mean(classes["f1"], self.actual)}


def class_counts(actual: Integers, predicted: Integers, num_classes: int) -> ClassCounts:
    """Count over queries [queries]; a prediction of -1 is wrong whatever the class."""
    return ClassCounts(
        *(
            np.bincount(part, minlength=num_classes).astype(np.float64)
            for part in (
                actual[actual == predicted],
                predicted[predicted >= 0],
                actual,
            )
        )
    )


def resampled_scores(
    actual: Integers, predicted: Integers, clusters: Integers, *, resamples: int, seed: int
) -> Mapping[str, Floats] | None:
    """Bootstrap all scores, whole `clusters` [queries] drawn: [resamples] each.

    The draws depend on the seed and the number of clusters alone, so that scores of several models
    over the same queries are paired. None for fewer than two clusters, or without resamples.
    """
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return None
    classes = int(max(actual.max(), predicted.max())) + 1
    parts = [
        _by_cluster(clusters[chosen], values[chosen], (num_clusters, classes))
        for values, chosen in (
            (actual, actual == predicted),
            (predicted, predicted >= 0),
            (actual, actual >= 0),
        )
    ]
    found: dict[str, list[Floats]] = {name: [] for name in SCORES}
    for drawn in bootstrap_draws(num_clusters, resamples, seed):
        counts = ClassCounts(*((part.T @ drawn.T).T for part in parts))
        for name, values in counts.scores().items():
            found[name].append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def _by_cluster(clusters: Integers, classes: Integers, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.coo_array((np.ones(len(clusters)), (clusters, classes)), shape=shape).tocsr()


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _mean(values: Floats, weights: Floats) -> Floats:
    return np.asarray((values * weights).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-300))
