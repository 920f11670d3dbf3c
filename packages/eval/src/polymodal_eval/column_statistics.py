"""What the items of a split are like: how many, how many alike, how far apart the columns lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.counting import exact_products
from polymodal_eval.ranking import unit_vectors

if TYPE_CHECKING:
    from polymodal_eval.embedding_table import EmbeddingTable
    from polymodal_eval.space import Space

NEAR = 0.9999
"""Cosine from which two items of one column count as near-equal (an angle of 0.8 degrees)."""

MOST_COMPARED = 30_000
"""Beyond so many items near-equal vectors are not counted: the work grows with the square."""


@dataclass(frozen=True)
class ColumnStatistics:
    """A column of a split.

    `rows` have it. `equal_texts` items show the same text as an earlier one (None where items are
    no text), `near_equal` have a neighbour within `NEAR` (None where there are too many items to
    compare). `labelled` items have a label. `checksum` is equal where two evaluations of one store
    see the same rows of the column, and so the same items and right answers.
    """

    name: str
    kind: str
    items: int
    rows: int
    labelled: int
    of_classes: bool
    equal_texts: int | None
    near_equal: int | None
    checksum: str


def column_statistics(space: Space) -> list[ColumnStatistics]:
    """Describe every column of a split."""
    embeddings = space.embeddings
    return [
        ColumnStatistics(
            name=column,
            kind=space.kinds.get(column, ""),
            items=len(vectors),
            rows=int(embeddings.table.present(column).sum()),
            labelled=sum(len(part) > 0 for part in space.labels(column)),
            of_classes=column in embeddings.table.of_classes,
            equal_texts=_equal_texts(space, column),
            near_equal=near_equal(vectors) if len(vectors) <= MOST_COMPARED else None,
            checksum=rows_checksum(embeddings, column),
        )
        for column, vectors in embeddings.vectors.items()
    ]


def rows_checksum(embeddings: EmbeddingTable, column: str) -> str:
    """Digest which item, instance and label each row has, items by their numbers in the store."""
    table = embeddings.table
    held = np.append(embeddings.item_numbers[column], -1)[table.items[column]]
    digest = hashlib.sha256()
    for values in (held, table.instance, table.label):
        digest.update(np.ascontiguousarray(values, dtype="<i8").tobytes())
    return digest.hexdigest()[:16]


def near_equal(vectors: Any, *, rows: int = 1024) -> int:
    """Count the items whose nearest other item has a cosine of at least `NEAR`."""
    items = unit_vectors("vectors", vectors)
    count = 0
    with exact_products():
        for start in range(0, len(items), rows):
            scores = items[start : start + rows] @ items.T
            own = np.arange(len(scores))
            scores[own, own + start] = -1.0
            count += int((scores.amax(dim=1) >= NEAR).sum())
    return count


def modality_gaps(space: Space) -> dict[tuple[str, str], float]:
    """Distance between the mean vectors of two columns (Liang et al. 2022, arXiv 2203.02053)."""
    means = {
        column: vectors.mean(axis=0, dtype=np.float64)
        for column, vectors in space.embeddings.vectors.items()
    }
    return {(a, b): float(np.linalg.norm(means[a] - means[b])) for a, b in combinations(means, 2)}


def _equal_texts(space: Space, column: str) -> int | None:
    numbers = space.embeddings.item_numbers[column]
    if not len(numbers) or not isinstance(space.show(column, int(numbers[0])), str):
        return None
    return len(numbers) - len({str(space.show(column, int(number))) for number in numbers})
