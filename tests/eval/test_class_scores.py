"""Scores of classes against two libraries, and their bootstrap against a loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from polymodal_eval.class_scores import (
    BY_CLASS,
    CLASS_SCORES,
    class_counts,
    class_estimates,
    counts_of_draws,
    resampled_scores,
)
from polymodal_eval.statistics import bootstrap_draws
from sklearn.metrics import precision_recall_fscore_support
from torchmetrics import functional

Case = tuple[np.ndarray, np.ndarray, np.ndarray]
CLASSES = 6


def case(seed: int) -> Case:
    """Examples of classes 0 to 4 of which 2 is never predicted; 5 is, and never occurs."""
    rng = np.random.default_rng(seed)
    actual = rng.choice([0, 0, 0, 1, 2, 3, 4], size=40)
    predicted = np.where(rng.random(40) < 0.5, actual, rng.integers(0, CLASSES, size=40))
    clusters = np.unique(rng.integers(0, 12, size=40), return_inverse=True)[1]
    return actual, np.where(predicted == 2, 5, predicted), clusters.astype(np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    actual, predicted, _ = case(seed)
    counts = class_counts(actual, predicted, CLASSES)
    occurring = np.unique(actual)
    wanted = precision_recall_fscore_support(
        actual, predicted, labels=occurring, average=None, zero_division=0
    )
    for name, values in zip(BY_CLASS, wanted, strict=False):
        assert np.allclose(counts.by_class()[name][occurring], values)
        assert counts.scores()[name] == pytest.approx(np.mean(values))
        weighted = np.average(values, weights=wanted[3])
        assert counts.scores()[f"{name}_weighted"] == pytest.approx(weighted)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_torchmetrics(seed: int) -> None:
    actual, predicted, _ = case(seed)
    predicted = np.where(predicted == 5, 0, predicted)
    # It averages over classes that occur or are predicted: here these are the same.
    given: Any = (torch.from_numpy(predicted), torch.from_numpy(actual), "multiclass")
    counts = class_counts(actual, predicted, CLASSES)
    library: dict[str, Any] = {
        "precision": functional.precision,
        "recall": functional.recall,
        "f1": functional.f1_score,
    }
    assert set(predicted) <= set(actual)
    for name, score in library.items():
        every = score(*given, num_classes=CLASSES, average="none").numpy()
        assert counts.by_class()[name] == pytest.approx(every, abs=1e-6)
        for average, end in (("macro", ""), ("weighted", "_weighted")):
            wanted = float(score(*given, num_classes=CLASSES, average=average))
            assert counts.scores()[f"{name}{end}"] == pytest.approx(wanted, abs=1e-6)
    accuracy = functional.accuracy(
        given[0], given[1], "multiclass", num_classes=CLASSES, average="micro"
    )
    assert counts.scores()["recall_weighted"] == pytest.approx(float(accuracy))


def test_what_is_not_answered_is_wrong() -> None:
    counts = class_counts(np.array([0, 0, 1]), np.array([0, -1, 1]), 2)
    assert counts.scores()["recall"] == pytest.approx(0.75)
    assert counts.scores()["precision"] == 1.0


@pytest.mark.parametrize("answered", [1.0, 0.8])
def test_the_bootstrap_draws_whole_clusters(answered: float) -> None:
    actual, predicted, clusters = case(3)
    predicted = np.where(np.random.default_rng(0).random(40) < answered, predicted, -1)
    found = resampled_scores(actual, predicted, clusters, resamples=20, seed=5)
    assert found is not None
    (drawn,) = bootstrap_draws(int(clusters.max()) + 1, 20, 5)
    for number, times in enumerate(drawn.astype(int)):
        rows = np.repeat(np.arange(40), times[clusters])
        occurring = np.unique(actual[rows])
        for average, end in (("macro", ""), ("weighted", "_weighted")):
            wanted = precision_recall_fscore_support(
                actual[rows], predicted[rows], labels=occurring, average=average, zero_division=0
            )
            for name, value in zip(BY_CLASS, wanted, strict=False):
                assert found[f"{name}{end}"][number] == pytest.approx(value)
    assert resampled_scores(actual, predicted, np.zeros(40, np.int64), resamples=9, seed=0) is None


def test_estimates_have_percentile_intervals_where_there_are_resamples() -> None:
    actual, predicted, clusters = case(1)
    drawn = resampled_scores(actual, predicted, clusters, resamples=50, seed=2)
    assert drawn is not None
    found = class_estimates(actual, predicted, clusters, resamples=50, seed=2)
    assert found.keys() == set(CLASS_SCORES)
    for name, estimate in found.items():
        low, high = np.percentile(drawn[name], [2.5, 97.5])
        assert (estimate.low, estimate.high) == pytest.approx((low, high))
    bare = class_estimates(actual, predicted, clusters, resamples=0, seed=2)
    assert bare["f1"].low is None
    assert bare["f1"].value == found["f1"].value


def test_counts_of_draws_that_take_each_group_once_are_the_counts() -> None:
    actual, predicted, clusters = case(2)
    size = int(clusters.max()) + 1
    counts = counts_of_draws(actual, predicted, clusters, size)(np.ones((2, size)))
    wanted = class_counts(actual, predicted, CLASSES)
    for name in ("right", "predicted", "actual"):
        assert (getattr(counts, name) == getattr(wanted, name)).all()
