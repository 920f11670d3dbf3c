"""Rows classified by whatever columns they have, or by the rest where some are removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.entries import combined_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.embedding_table import EmbeddingTable

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]
    Classify = Callable[[tuple[str, ...], Vectors], Vectors]
    """From vectors [rows, dim] of columns together to scores [rows, classes]."""


def row_items(embeddings: EmbeddingTable, columns: Sequence[str]) -> Integers:
    """Give each row's item of each column, -1 where it lacks one: [rows, columns]."""
    return np.stack([embeddings.table.items[column] for column in columns], axis=1)


def classify_rows(
    embeddings: EmbeddingTable, columns: Sequence[str], items: Integers, classify: Classify
) -> Integers:
    """Predict the class of each row of `items` [rows, columns]; -1 for rows without any of them.

    A row is embedded by the columns that it has, together; equal rows are embedded once.
    """
    predicted = np.full(len(items), -1, dtype=np.int64)
    held = items >= 0
    patterns, place = np.unique(held, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        names = tuple(name for name, has in zip(columns, pattern, strict=True) if has)
        if not names:
            continue
        rows = np.flatnonzero(place.ravel() == number)
        unique, entry = np.unique(items[rows][:, pattern], axis=0, return_inverse=True)
        scores = classify(names, combined_vectors(embeddings, names, unique))
        predicted[rows] = scores.argmax(axis=1)[entry.ravel()]
    return predicted
