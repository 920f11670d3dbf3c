"""Small tables, models and spaces that the tests of this package share."""

from __future__ import annotations

import dataclasses
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
    items: Mapping[str, Any],
    *,
    instance: Any = None,
    label: Any = None,
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


def scenes(*, size: int = 24, classes: int = 4, seed: int = 0, split: str = "test") -> Space:
    """Pictures, two captions each, and prototypes, in a space that is right more often than not."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 8))
    label = np.arange(size) % classes
    pictures = centres[label] + 0.7 * rng.normal(size=(size, 8))
    rows = np.repeat(np.arange(size), 2)
    texts = pictures[rows] + 0.5 * rng.normal(size=(2 * size, 8))
    table = row_table(
        {"image": rows, "text": np.arange(2 * size), "prototypes": label[rows]},
        instance=rows,
        label=label[rows],
        of_classes=["prototypes"],
        class_names=[f"a thing of <kind> {number}" for number in range(classes)],
    )
    shades = rng.integers(0, 256, size=(size, 3))

    def show(column: str, number: int) -> Any:
        if column == "image":
            return np.full((12, 10, 3), shades[number], dtype=np.uint8)
        return f"caption <b>{number // 3}</b> & more" if column == "text" else f"class {number}"

    kinds = {"image": "image", "text": "text", "prototypes": "prototypes"}
    vectors = {"image": pictures, "text": texts, "prototypes": centres}
    space = space_of(embedding_table(vectors, table), kinds=kinds, show=show)
    return dataclasses.replace(space, split=split)
