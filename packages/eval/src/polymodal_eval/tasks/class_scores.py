"""Precision, recall and F1 of predicted classes, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from polymodal_eval.statistics import Estimate, bootstrap_draws, percentile_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

NAMES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class ClassScores:
    """Scores of classes: `by_class` [classes, 3] as in NAMES, nan where a class has no example.

    `estimates` are the means over classes with examples (`f1`) and those weighted by their numbers
    of examples (`f1_weighted`); recall so weighted is the accuracy.
    """

    by_class: Floats
    estimates: dict[str, Estimate]


def class_scores(
    label: Integers,
    predicted: Integers,
    clusters: Integers,
    num_classes: int,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> ClassScores:
    """Score predictions of examples, all arrays [examples]; whole `clusters` are drawn.

    A class that is never predicted has precision 0. In a resample, a class of which it holds no
    example is left out of the mean.
    """
    right = np.ones(len(label)), label == predicted
    num_clusters = int(clusters.max(initial=-1)) + 1
    shape = (num_clusters, num_classes)

    def counted(weights: Any, classes: Integers) -> Any:
        # Stored transposed, so that the product with dense draws stays sparse-times-dense.
        return sparse.coo_array((weights, (clusters, classes)), shape=shape).tocsr().T

    counts = [
        counted(right[1].astype(np.float64), label),
        counted(right[0], predicted),
        counted(right[0], label),
    ]
    once = np.ones((1, num_clusters))
    by_class, means = _scores(*(item @ once.T for item in counts))
    intervals: Any = [(None, None)] * means.shape[1]
    if num_clusters > 1 and resamples > 0:
        drawn = [
            _scores(*(item @ part.T for item in counts))[1]
            for part in bootstrap_draws(num_clusters, resamples, seed)
        ]
        intervals = percentile_intervals(np.concatenate(drawn)).tolist()
    names = [*NAMES, *(f"{name}_weighted" for name in NAMES)]
    estimates = {
        name: Estimate(float(value), low, high)
        for name, value, (low, high) in zip(names, means[0], intervals, strict=True)
    }
    return ClassScores(by_class[:, 0].T, estimates)


def _scores(hits: Floats, predicted: Floats, examples: Floats) -> tuple[Floats, Floats]:
    """Score counts [classes, draws]: by class [3, draws, classes], and means [draws, 6]."""
    present = examples > 0
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    recall = np.divide(hits, examples, out=np.zeros_like(hits), where=present)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(hits), where=total > 0)
    found = np.stack([precision, recall, f1])
    macro = (found * present).sum(axis=1) / np.maximum(present.sum(axis=0), 1)
    weighted = (found * examples).sum(axis=1) / np.maximum(examples.sum(axis=0), 1)
    by_class = np.where(present, found, np.nan).transpose(0, 2, 1)
    return by_class, np.concatenate([macro, weighted]).T
