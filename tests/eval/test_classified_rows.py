"""Rows classified by what they have, and the accuracies that training watches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from polymodal_core.errors import RunError
from polymodal_eval.classified_rows import classify_rows, row_items
from polymodal_eval.embedding_table import EmbeddingTable
from polymodal_eval.entries import combined_vectors
from polymodal_eval.validation import average_accuracy

from .worlds import embedding_table, row_table

IMAGE = [0, 1, 2, -1, -1, 1]
TEXT = [0, -1, 1, 2, -1, 0]
LABEL = [0, 1, 1, 2, 0, -1]


def table() -> EmbeddingTable:
    rng = np.random.default_rng(0)
    vectors = {"image": rng.normal(size=(3, 4)), "text": rng.normal(size=(3, 4))}
    rows = row_table({"image": IMAGE, "text": TEXT}, label=LABEL)
    return embedding_table(vectors, rows)


def test_each_row_is_seen_by_the_columns_that_it_has() -> None:
    embeddings = table()
    asked: list[tuple[str, ...]] = []
    weights = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)

    def classify(columns: tuple[str, ...], vectors: np.ndarray) -> np.ndarray:
        asked.append(columns)
        return vectors @ weights + len(columns)

    columns = ["image", "text"]
    items = row_items(embeddings, columns)
    predicted = classify_rows(embeddings, columns, items, classify)
    for row, (image, text) in enumerate(zip(IMAGE, TEXT, strict=True)):
        names = tuple(n for n, i in (("image", image), ("text", text)) if i >= 0)
        if not names:
            assert predicted[row] == -1
            continue
        held = np.array([[i for i in (image, text) if i >= 0]])
        vector = combined_vectors(embeddings, names, held)
        assert predicted[row] == (vector @ weights).argmax()
    assert sorted(asked) == [("image",), ("image", "text"), ("text",)]


def test_accuracy_of_columns_and_of_rows() -> None:
    embeddings = table()

    def by_columns(columns: tuple[str, ...], vectors: np.ndarray) -> np.ndarray:
        chosen = {("image",): 1, ("text",): 2, ("image", "text"): 0}[columns]
        return np.eye(3, dtype=np.float32)[[chosen] * len(vectors)]

    found = average_accuracy(embeddings, by_columns)
    # Labelled rows: 0 (both), 1 (image), 2 (both), 3 (text); row 4 has nothing, row 5 no label.
    assert found["mean"] == pytest.approx(3 / 4)
    assert found["image accuracy"] == pytest.approx(2 / 3)
    assert found["text accuracy"] == pytest.approx(1 / 3)
    unlabelled = replace(embeddings, table=replace(embeddings.table, label=np.full(6, -1)))
    with pytest.raises(RunError, match="no row of the validation split has a label"):
        average_accuracy(unlabelled, by_columns)
