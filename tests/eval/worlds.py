"""Small tables, models and spaces that the tests of this package share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from polymodal_core.table import RowTable
from polymodal_eval.embedding_table import EmbeddingTable
from polymodal_eval.space import LabelledVectors, Space


def unit(vectors: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    array = np.asarray(vectors, dtype=np.float64)
    return np.asarray(array / np.linalg.norm(array, axis=1, keepdims=True), dtype=np.float32)


def row_table(
    items: Mapping[str, Sequence[int]],
    *,
    instance: Sequence[int] | None = None,
    label: Sequence[int] | None = None,
    of_classes: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
) -> RowTable:
    size = len(next(iter(items.values())))
    labels = np.full(size, -1) if label is None else np.asarray(label)
    names = class_names or [f"class {number}" for number in range(int(labels.max(initial=-1)) + 1)]
    return RowTable(
        items={column: np.asarray(held, dtype=np.int64) for column, held in items.items()},
        instance=np.asarray(range(size) if instance is None else instance, dtype=np.int64),
        label=labels.astype(np.int64),
        split=np.zeros(size, dtype=np.int64),
        class_names=tuple(names),
        split_names=("test",),
        of_classes=frozenset(of_classes),
    )


def embedding_table(
    vectors: Mapping[str, Any], table: RowTable, *, first_number: int = 0
) -> EmbeddingTable:
    return EmbeddingTable(
        {column: unit(values) for column, values in vectors.items()},
        {
            column: np.arange(first_number, first_number + len(values), dtype=np.int64)
            for column, values in vectors.items()
        },
        table,
    )


def space_of(
    embeddings: EmbeddingTable,
    *,
    kinds: Mapping[str, str] | None = None,
    encode: Any = None,
    show: Any = None,
    classes: Any = None,
    resamples: int = 200,
) -> Space:
    def no_classes(column: str) -> LabelledVectors:
        raise AssertionError(f"classes of {column} were asked for")

    return Space(
        embeddings=embeddings,
        encode=encode,
        show=show or (lambda column, number: f"{column} {number}"),
        identify=lambda column, number: f"{column}/{number}",
        kinds=kinds or {column: column for column in embeddings.columns},
        classes=classes or no_classes,
        resamples=resamples,
    )
