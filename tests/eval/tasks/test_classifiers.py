from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.tasks.classifiers import labelled_items, predict

from tests.eval.worlds import embedding_table, row_table, space_of, unit


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(20, 5))), rng.choice([2, 5, 9], 20), unit(rng.normal(size=(30, 5)))


def test_class_means_and_votes_loop_by_loop() -> None:
    vectors, label, unseen = drawn()
    means, votes = [], []
    for query in unseen.astype(np.float64):
        best = {}
        for name in np.unique(label):
            mean = vectors[label == name].astype(np.float64).sum(axis=0)
            best[name] = query @ mean / np.linalg.norm(mean)
        means.append(max(best, key=best.__getitem__))
        cosines = vectors.astype(np.float64) @ query
        order = np.argsort(-cosines)[:4]
        cast = {
            name: sum(np.exp(cosines[n] / 0.07) for n in order if label[n] == name)
            for name in np.unique(label)
        }
        votes.append(max(cast, key=cast.__getitem__))

    assert predict("class_mean", vectors, label, unseen).tolist() == means
    assert predict("neighbours", vectors, label, unseen, neighbours=4).tolist() == votes
    assert len(set(means)) == len(set(votes)) == 3


@pytest.mark.parametrize("method", ["linear", "class_mean", "neighbours"])
def test_separable_classes_are_told_apart(method: str) -> None:
    label = np.array([4, 7, 4, 7])
    vectors = unit([[1, 0.1], [0.1, 1], [1, 0], [0, 1]])

    found = predict(method, vectors, label, unit([[1, 0.2], [0.3, 1]]))  # type: ignore[arg-type]

    assert found.tolist() == [4, 7]


def test_items_of_one_label_in_classes_of_enough_instances() -> None:
    # Items 0 and 1 share an instance; item 5 has two labels; class 2 has one instance alone.
    table = row_table(
        {"image": [0, 1, 2, 3, 4, 5, 5, 6]},
        instance=[0, 0, 1, 2, 3, 4, 4, 5],
        label=[0, 0, 0, 1, 1, 0, 1, 2],
    )
    space = space_of(embedding_table({"image": np.eye(7)}, table))

    kept, label, clusters = labelled_items(space, "image", min_count=2)

    assert kept.tolist() == [0, 1, 2, 3, 4]
    assert label.tolist() == [0, 0, 0, 1, 1]
    assert clusters.tolist() == [0, 0, 1, 2, 3]
