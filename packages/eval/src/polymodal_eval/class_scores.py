"""Precision, recall and F1 of classes, and their bootstrap, from counts of each class.

Libraries compute these once, from predictions. A bootstrap wants them a thousand times, and a study
of several runs thousands of times: here they are one product of draws and counts, so that the
estimate and its interval come from one function. Tests hold it against two libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from polymodal_eval.statistics import Estimate, bootstrap_draws, percentile_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

BY_CLASS = ("precision", "recall", "f1")
"""Scores that each class has; their means over classes go by the same names."""

CLASS_SCORES = (*BY_CLASS, *(f"{name}_weighted" for name in BY_CLASS))
"""Means over classes, and those weighted by the number of examples of each class."""


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
        """Give CLASS_SCORES [...], over the classes that occur: of which there is an example.

        A class that is never predicted has precision 0. Recall so weighted is the accuracy.
        """
        occurs = (self.actual > 0).astype(np.float64)
        classes = self.by_class()
        found = {name: _mean(values, occurs) for name, values in classes.items()}
        weighted = {f"{name}_weighted": _mean(x, self.actual) for name, x in classes.items()}
        return {**found, **weighted}


def class_counts(actual: Integers, predicted: Integers, num_classes: int) -> ClassCounts:
    """Count over examples [examples]; a prediction of -1 is wrong whatever the class."""
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


def counts_of_draws(
    actual: Integers, predicted: Integers, groups: Integers, count: int
) -> Callable[[Floats], ClassCounts]:
    """Give what turns draws of `count` groups [resamples, groups] into counts [resamples, classes].

    `groups` [examples] say what is drawn together.
    """
    classes = int(max(actual.max(initial=-1), predicted.max(initial=-1))) + 1
    parts = [
        # Stored transposed, so that the product with dense draws stays sparse-times-dense.
        _by_group(groups[chosen], values[chosen], (count, classes)).T
        for values, chosen in (
            (actual, actual == predicted),
            (predicted, predicted >= 0),
            (actual, actual >= 0),
        )
    ]
    return lambda drawn: ClassCounts(*((part @ drawn.T).T for part in parts))


def resampled_scores(
    actual: Integers, predicted: Integers, clusters: Integers, *, resamples: int, seed: int
) -> Mapping[str, Floats] | None:
    """Bootstrap all scores, whole `clusters` [examples] drawn: [resamples] each.

    The draws depend on the seed and the number of clusters alone, so that scores of several models
    over the same queries are paired. In a resample, a class of which it holds no example is left
    out of means. None for fewer than two clusters, or without resamples.
    """
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return None
    counts = counts_of_draws(actual, predicted, clusters, num_clusters)
    found: dict[str, list[Floats]] = {name: [] for name in CLASS_SCORES}
    for drawn in bootstrap_draws(num_clusters, resamples, seed):
        for name, values in counts(drawn).scores().items():
            found[name].append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def class_estimates(
    actual: Integers, predicted: Integers, clusters: Integers, *, resamples: int, seed: int
) -> dict[str, Estimate]:
    """Estimate CLASS_SCORES with 95 % intervals; all arrays [examples]."""
    classes = int(max(actual.max(initial=-1), predicted.max(initial=-1))) + 1
    values = class_counts(actual, predicted, classes).scores()
    drawn = resampled_scores(actual, predicted, clusters, resamples=resamples, seed=seed)
    if drawn is None:
        return {name: Estimate(float(value)) for name, value in values.items()}
    ends = percentile_intervals(np.stack([drawn[name] for name in values], axis=1)).tolist()
    return {
        name: Estimate(float(value), low, high)
        for (name, value), (low, high) in zip(values.items(), ends, strict=True)
    }


def _by_group(groups: Integers, classes: Integers, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.coo_array((np.ones(len(groups)), (groups, classes)), shape=shape).tocsr()


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _mean(values: Floats, weights: Floats) -> Floats:
    return np.asarray((values * weights).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-300))
