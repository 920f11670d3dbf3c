"""Counts of pixels against loops, and intervals over pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from polymodal_eval.pixel_counts import (
    count_pixels,
    joined_counts,
    pack_counts,
    resampled_pixel_scores,
    unpack_counts,
)
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_jaccard_index,
)

CLASSES = 5


def maps(seed: int, count: int = 6) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    actual = rng.integers(-1, CLASSES - 1, size=(count, 7, 6))  # the last class never occurs
    wrong = rng.integers(-1, CLASSES, size=actual.shape)
    predicted = np.where(rng.random(actual.shape) < 0.5, actual, wrong)
    return actual, predicted


def scores(actual: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    ious, accuracies = [], []
    pairs = [(a, p) for a, p in zip(actual.ravel(), predicted.ravel(), strict=True) if a >= 0]
    for name in range(CLASSES):
        of = [p for a, p in pairs if a == name]
        taken = [a for a, p in pairs if p == name]
        both = sum(p == name for p in of)
        if of:
            ious.append(both / (len(of) + len(taken) - both))
            accuracies.append(both / len(of))
    right = sum(a == p for a, p in pairs)
    return {
        "mean_iou": sum(ious) / len(ious),
        "pixel_accuracy": right / len(pairs),
        "class_accuracy": sum(accuracies) / len(accuracies),
    }


@pytest.mark.parametrize("seed", range(4))
def test_scores(seed: int) -> None:
    actual, predicted = maps(seed)
    counts = count_pixels(actual, predicted, CLASSES)
    found = {name: float(value) for name, value in counts.total().scores().items()}
    assert found == pytest.approx(scores(actual, predicted))
    for picture in range(len(actual)):
        one = counts.take(np.array([picture])).total().scores()["mean_iou"]
        assert float(one) == pytest.approx(scores(actual[picture], predicted[picture])["mean_iou"])


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_torchmetrics(seed: int) -> None:
    actual, predicted = maps(seed + 9)
    size = CLASSES - 1  # classes that all occur: it averages over those that are predicted too
    actual, predicted = actual % size, np.abs(predicted) % size
    actual = np.where(np.random.default_rng(seed).random(actual.shape) < 0.1, -1, actual)
    given = torch.from_numpy(predicted), torch.from_numpy(actual)
    options: dict[str, Any] = {"num_classes": size, "ignore_index": -1}
    total = count_pixels(actual, predicted, size).total()
    wanted = multiclass_jaccard_index(*given, average="none", **options).numpy()
    assert total.iou() == pytest.approx(wanted, abs=1e-6)
    for name, value in {
        "mean_iou": multiclass_jaccard_index(*given, **options),
        "pixel_accuracy": multiclass_accuracy(*given, average="micro", **options),
        "class_accuracy": multiclass_accuracy(*given, average="macro", **options),
    }.items():
        assert float(total.scores()[name]) == pytest.approx(float(value), abs=1e-6)


def test_parts_are_joined_and_packed() -> None:
    actual, predicted = maps(5)
    whole = count_pixels(actual, predicted, CLASSES)
    parts = [count_pixels(actual[cut], predicted[cut], CLASSES) for cut in (slice(2), slice(2, 6))]
    joined = joined_counts(parts)
    back = unpack_counts(pack_counts(whole))
    for found in (joined, back):
        assert (found.right == whole.right).all()
        assert (found.predicted == whole.predicted).all()
        assert (found.actual == whole.actual).all()


def test_resamples_draw_whole_clusters() -> None:
    actual, predicted = maps(7)
    counts = count_pixels(actual, predicted, CLASSES)
    clusters = np.array([0, 0, 1, 1, 2, 2])
    drawn = resampled_pixel_scores(counts, clusters, resamples=300, seed=0)
    assert drawn is not None
    possible = set()
    for first in range(3):
        for second in range(3):
            for third in range(3):
                rows = np.concatenate(
                    [np.flatnonzero(clusters == k) for k in (first, second, third)]
                )
                possible.add(round(scores(actual[rows], predicted[rows])["mean_iou"], 9))
    assert {round(value, 9) for value in drawn["mean_iou"].tolist()} <= possible
    assert resampled_pixel_scores(counts, clusters * 0, resamples=9, seed=0) is None
    again = resampled_pixel_scores(counts, clusters, resamples=300, seed=0)
    assert again is not None
    assert (again["mean_iou"] == drawn["mean_iou"]).all()
