"""Classifiers of frozen embeddings, learned from a few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from polymodal_eval.entries import entries_of
from polymodal_eval.space import unit_means
from polymodal_eval.tasks.ranked import query_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]

Method = Literal["linear", "class_mean", "neighbours"]


def predict(
    method: Method,
    vectors: Vectors,
    label: Integers,
    unseen: Vectors,
    *,
    strength: float = 10.0,
    neighbours: int = 5,
) -> Integers:
    """Learn labels [examples] of unit vectors [examples, dim]; predict those of `unseen`.

    `linear` is a logistic regression of inverse penalty `strength`, `class_mean` the class of the
    nearest mean (a prototype, Snell et al. 2017, by cosine), `neighbours` the vote of the nearest
    examples, as many as there are at most, weighted by exp(cosine / 0.07) (Wu et al. 2018).
    """
    if method == "linear":
        from sklearn.linear_model import LogisticRegression

        probe = LogisticRegression(C=strength, max_iter=2000)
        return np.asarray(probe.fit(vectors, label).predict(unseen), dtype=np.int64)
    names, place = np.unique(label, return_inverse=True)
    if method == "class_mean":
        scores = unseen @ unit_means(vectors, place, len(names)).T
    else:
        cosines = np.asarray(unseen @ vectors.T, dtype=np.float64)
        count = min(neighbours, len(vectors))
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        votes = np.exp(np.take_along_axis(cosines, nearest, axis=1) / 0.07)
        scores = np.zeros((len(unseen), len(names)))
        np.add.at(scores, (np.arange(len(unseen))[:, None], place[nearest]), votes)
    return np.asarray(names[scores.argmax(axis=1)], dtype=np.int64)


def labelled_items(
    space: Space, column: str, *, min_count: int
) -> tuple[Integers, Integers, Integers]:
    """Give items of a column with exactly one label: their places, labels and clusters [items].

    Of classes with at least `min_count` clusters alone; items of one instance are one cluster.
    """
    labels = space.labels(column)
    kept = np.array([n for n, part in enumerate(labels) if len(part) == 1], dtype=np.int64)
    label = np.array([labels[n][0] for n in kept], dtype=np.int64)
    clusters = query_clusters(space, entries_of(space.embeddings, (column,)), kept)
    pairs = np.unique(np.stack([label, clusters]), axis=1)
    names, counts = np.unique(pairs[0], return_counts=True)
    enough = np.isin(label, names[counts >= min_count])
    clusters = np.unique(clusters[enough], return_inverse=True)[1].astype(np.int64)
    return kept[enough], label[enough], clusters
