"""Pixels of each class, picture by picture: what intersection over union is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.statistics import bootstrap_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

PIXEL_SCORES = ("mean_iou", "pixel_accuracy", "class_accuracy")


@dataclass(frozen=True)
class PixelCounts:
    """Pixels of each class [..., classes]: told rightly, taken for it, and that are of it.

    Pixels whose class is unknown are in none of these.
    """

    right: Floats
    predicted: Floats
    actual: Floats

    def total(self, weights: Floats | None = None) -> PixelCounts:
        """Sum over pictures [pictures, classes], each times its weight [..., pictures]."""
        parts = (self.right, self.predicted, self.actual)
        if weights is None:
            return PixelCounts(*(part.sum(axis=0) for part in parts))
        return PixelCounts(*(weights @ part for part in parts))

    def take(self, pictures: Integers) -> PixelCounts:
        """Give some pictures."""
        return PixelCounts(*(x[pictures] for x in (self.right, self.predicted, self.actual)))

    def by_group(self, groups: Integers, count: int) -> PixelCounts:
        """Sum over the pictures of each of `count` groups [pictures]: [groups, classes]."""
        parts = (self.right, self.predicted, self.actual)
        return PixelCounts(*(_by_cluster(part, groups, count) for part in parts))

    def iou(self) -> Floats:
        """Intersection over union of each class [..., classes]; 0 where there is neither."""
        return _share(self.right, self.actual + self.predicted - self.right)

    def scores(self) -> dict[str, Floats]:
        """Give mean IoU, pixel accuracy, and accuracy averaged over classes: [...].

        Means are over the classes that occur (of which there is a pixel): a class that is only
        predicted lowers the IoU of those it was taken for, and has none of its own.
        """
        occurs = (self.actual > 0).astype(np.float64)
        return {
            "mean_iou": _mean(self.iou(), occurs),
            "pixel_accuracy": _share(self.right.sum(axis=-1), self.actual.sum(axis=-1)),
            "class_accuracy": _mean(_share(self.right, self.actual), occurs),
        }


def count_pixels(actual: Integers, predicted: Integers, num_classes: int) -> PixelCounts:
    """Count maps [pictures, height, width] picture by picture: [pictures, classes].

    Negative classes in `actual` are unknown; in `predicted` they are wrong whatever the class.
    """

    def counted(values: Integers, chosen: NDArray[np.bool_]) -> Floats:
        picture = np.broadcast_to(np.arange(len(values))[:, None, None], values.shape)
        places = picture[chosen] * num_classes + values[chosen]
        found = np.bincount(places, minlength=len(values) * num_classes)
        return found.reshape(len(values), num_classes).astype(np.float64)

    known = actual >= 0
    return PixelCounts(
        counted(actual, known & (actual == predicted)),
        counted(predicted, known & (predicted >= 0)),
        counted(actual, known),
    )


def joined_counts(parts: Sequence[PixelCounts]) -> PixelCounts:
    """Join counts of several batches of pictures."""
    return PixelCounts(
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.predicted for part in parts]),
        np.concatenate([part.actual for part in parts]),
    )


def resampled_pixel_scores(
    counts: PixelCounts, clusters: Integers, *, resamples: int, seed: int
) -> Mapping[str, Floats] | None:
    """Bootstrap all scores over pictures, whole `clusters` [pictures] drawn: [resamples] each.

    The draws depend on the seed and the number of clusters alone, so that scores of several models
    over the same pictures are paired. None for fewer than two clusters, or without resamples.
    """
    num_clusters = int(clusters.max(initial=-1)) + 1
    if num_clusters < 2 or resamples < 1:
        return None
    summed = counts.by_group(clusters, num_clusters)
    found: dict[str, list[Floats]] = {name: [] for name in PIXEL_SCORES}
    for drawn in bootstrap_draws(num_clusters, resamples, seed):
        for name, values in summed.total(drawn).scores().items():
            found[name].append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def pack_counts(counts: PixelCounts) -> tuple[Integers, ...]:
    """Give each picture's counts as one list: class, right, predicted, actual, of those not 0."""
    found = []
    for right, predicted, actual in zip(counts.right, counts.predicted, counts.actual, strict=True):
        (classes,) = ((predicted > 0) | (actual > 0)).nonzero()
        parts = (classes, right[classes], predicted[classes], actual[classes])
        found.append(np.stack(parts, axis=1).astype(np.int64).ravel())
    return tuple(found)


def unpack_counts(packed: Iterable[Iterable[int]]) -> PixelCounts:
    """Read what `pack_counts` gave; classes are as many as the highest that occurs says."""
    rows = [np.asarray(list(part), dtype=np.int64).reshape(-1, 4) for part in packed]
    size = 1 + max((int(part[:, 0].max(initial=-1)) for part in rows), default=-1)
    tables = np.zeros((3, len(rows), size))
    for place, part in enumerate(rows):
        tables[:, place, part[:, 0]] = part[:, 1:].T
    return PixelCounts(*tables)


def _by_cluster(values: Floats, clusters: Integers, num_clusters: int) -> Floats:
    found = np.zeros((num_clusters, values.shape[1]))
    np.add.at(found, clusters, values)
    return found


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _mean(values: Floats, weights: Floats) -> Floats:
    return np.asarray((values * weights).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-300))
