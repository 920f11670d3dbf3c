"""Scores of classes against scikit-learn, and their bootstrap against a loop."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.class_scores import class_counts, resampled_scores
from polymodal_eval.statistics import bootstrap_draws
from sklearn.metrics import precision_recall_fscore_support


def case(seed: int, *, classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    actual = rng.integers(0, classes - 1, size=40)  # the last class never occurs
    predicted = np.where(rng.random(40) < 0.5, actual, rng.integers(0, classes, size=40))
    return actual, predicted, np.sort(rng.integers(0, 12, size=40))


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    actual, predicted, _ = case(seed)
    counts = class_counts(actual, predicted, 6)
    occurring = np.unique(actual)
    wanted = precision_recall_fscore_support(
        actual, predicted, labels=occurring, average=None, zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1"), wanted, strict=False):
        assert np.allclose(counts.by_class()[name][occurring], values)
        assert counts.scores()[name] == pytest.approx(np.mean(values))
    weighted = np.average(wanted[2], weights=wanted[3])
    assert counts.scores()["f1_weighted"] == pytest.approx(weighted)


def test_what_is_not_answered_is_wrong() -> None:
    counts = class_counts(np.array([0, 0, 1]), np.array([0, -1, 1]), 2)
    assert counts.scores()["recall"] == pytest.approx(0.75)
    assert counts.scores()["precision"] == 1.0


def test_the_bootstrap_draws_whole_clusters() -> None:
    actual, predicted, clusters = case(3)
    clusters = np.unique(clusters, return_inverse=True)[1].astype(np.int64)
    found = resampled_scores(actual, predicted, clusters, resamples=20, seed=5)
    assert found is not None
    (drawn,) = bootstrap_draws(int(clusters.max()) + 1, 20, 5)
    for number, times in enumerate(drawn.astype(int)):
        rows = np.repeat(np.arange(40), times[clusters])
        scores = class_counts(actual[rows], predicted[rows], 6).scores()
        for name, value in scores.items():
            assert found[name][number] == pytest.approx(float(value))
    assert resampled_scores(actual, predicted, np.zeros(40, np.int64), resamples=9, seed=0) is None
