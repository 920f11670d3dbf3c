from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.tasks.class_scores import NAMES, class_scores
from sklearn.metrics import precision_recall_fscore_support


def drawn(seed: int, size: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels 0 to 4 of which 3 never occurs; predictions of which 4 is never made."""
    rng = np.random.default_rng(seed)
    label = rng.choice([0, 0, 0, 1, 2, 4], size)
    predicted = np.where(rng.random(size) < 0.5, label, rng.integers(0, 4, size))
    return label, np.where(predicted == 4, 0, predicted), rng.integers(0, 20, size)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    label, predicted, clusters = drawn(seed)
    clusters = np.unique(clusters, return_inverse=True)[1]

    found = class_scores(label, predicted, clusters, 5, resamples=20)

    present = [0, 1, 2, 4]
    for average, end in (("macro", ""), ("weighted", "_weighted")):
        wanted = precision_recall_fscore_support(
            label, predicted, labels=present, average=average, zero_division=0
        )
        for name, value in zip(NAMES, wanted[:3], strict=True):
            assert found.estimates[f"{name}{end}"].value == pytest.approx(value, abs=1e-12)
    by_class = precision_recall_fscore_support(label, predicted, labels=present, zero_division=0)
    np.testing.assert_allclose(found.by_class[present], np.stack(by_class[:3], axis=1), atol=1e-12)
    assert np.isnan(found.by_class[3]).all()
    assert found.estimates["recall_weighted"].value == pytest.approx((label == predicted).mean())


def test_intervals_are_of_resampled_clusters() -> None:
    """Against a bootstrap written loop by loop, with the same draws."""
    from polymodal_eval.statistics import bootstrap_draws

    label, predicted, clusters = drawn(7)
    clusters = np.unique(clusters, return_inverse=True)[1]

    found = class_scores(label, predicted, clusters, 5, resamples=50, seed=3)

    (draws,) = bootstrap_draws(int(clusters.max()) + 1, 50, 3)
    values = []
    for often in draws:
        rows = [n for n in range(len(label)) for _ in range(int(often[clusters[n]]))]
        classes = np.unique(label[rows])
        values.append(
            precision_recall_fscore_support(
                label[rows], predicted[rows], labels=classes, average="macro", zero_division=0
            )[2]
        )
    low, high = np.percentile(values, [2.5, 97.5])
    assert found.estimates["f1"].low == pytest.approx(low)
    assert found.estimates["f1"].high == pytest.approx(high)


def test_without_resamples_there_is_no_interval() -> None:
    label, predicted, clusters = drawn(0)

    assert class_scores(label, predicted, clusters, 5, resamples=0).estimates["f1"].low is None
