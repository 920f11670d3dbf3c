"""Entries: what asks and what is found, each one vector out of one or several columns of a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.embedding_table import EmbeddingTable

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Entries:
    """The distinct combinations of items that rows hold of some `columns`.

    `items` [entries, columns] are places in the embedding table. `vectors` [entries, dim] are the
    renormalised means of the items' unit embeddings (pcmc-pcmr, section 4.4), or what the model
    makes of them together where it fuses columns; of a single column, the embeddings as they are.
    `of_row` [rows] is the entry of each row, -1 where the row lacks
    one of the columns. `fused` says that the model has made the vectors of several columns.
    """

    columns: tuple[str, ...]
    items: Integers
    vectors: Vectors
    of_row: Integers
    fused: bool = False

    def __len__(self) -> int:
        """Number of entries."""
        return len(self.items)

    @property
    def name(self) -> str:
        """The columns as people read them: `image + attributes`."""
        return joined(self.columns)

    @property
    def rows_left_out(self) -> int:
        """Rows that lack one of the columns."""
        return int((self.of_row < 0).sum())

    def items_of(self, column: str) -> Integers:
        """Give each entry's item of one of the columns: [entries]."""
        return np.asarray(self.items[:, self.columns.index(column)])


def joined(columns: Iterable[str]) -> str:
    """Name a combination of columns: `image + attributes`."""
    return " + ".join(columns)


def entries_of(embeddings: EmbeddingTable, columns: Sequence[str], *, rows: Any = None) -> Entries:
    """Collect one entry per distinct combination of items of `columns` in rows.

    `rows` bool [rows] limits them to some rows. Raises PolymodalError for no columns, and for one
    that is named twice.
    """
    if not columns or len(set(columns)) < len(columns):
        raise PolymodalError(
            f"{list(columns)} is no combination of columns; wanted one or several, each once"
        )
    held = np.stack([embeddings.table.items[column] for column in columns], axis=1)
    complete = (held >= 0).all(axis=1)
    if rows is not None:
        complete &= rows
    items, place = np.unique(held[complete], axis=0, return_inverse=True)
    of_row = np.full(len(held), -1, dtype=np.int64)
    of_row[complete] = place.ravel()
    vectors = combined_vectors(embeddings, columns, items)
    fused = len(columns) > 1 and embeddings.fuse is not None
    return Entries(tuple(columns), items, vectors, of_row, fused)


def without(embeddings: EmbeddingTable, entries: Entries, column: str, lost: Any) -> Entries:
    """Give the entries as they are where the values of a column are `lost`, bool [entries].

    Their vectors are then of the other columns alone; all else stays, right answers too. Raises
    PolymodalError where there is no other column.
    """
    others = [name for name in entries.columns if name != column]
    if not others:
        raise PolymodalError(f"an entry of {column} alone is nothing without it")
    if not lost.any():
        return entries
    kept = [entries.columns.index(name) for name in others]
    vectors = entries.vectors.copy()
    vectors[lost] = combined_vectors(embeddings, others, entries.items[lost][:, kept])
    return replace(entries, vectors=vectors)


def column_sets(columns: Sequence[str], *, largest: int | None = None) -> list[tuple[str, ...]]:
    """List all combinations of up to `largest` columns (all, if None), the smallest first."""
    sizes = range(1, (len(columns) if largest is None else largest) + 1)
    return [found for size in sizes for found in combinations(columns, size)]


def combination(*, fused: bool) -> str:
    """Say what the vector of several columns is, as people read it."""
    if fused:
        return "the embedding that the model makes of them together"
    return "the mean of their embeddings"


def combined_vectors(
    embeddings: EmbeddingTable, columns: Sequence[str], items: Integers
) -> Vectors:
    """Embed combinations `items` [entries, columns], places in the table: [entries, dim]."""
    if len(columns) == 1:
        return np.asarray(embeddings.vectors[columns[0]][items[:, 0]])
    if embeddings.fuse is not None:
        return embeddings.fuse(tuple(columns), items)
    return _means(embeddings, columns, items)


def _means(embeddings: EmbeddingTable, columns: Sequence[str], items: Integers) -> Vectors:
    sums = np.zeros((len(items), embeddings.vectors[columns[0]].shape[1]), dtype=np.float64)
    for number, column in enumerate(columns):
        vectors = embeddings.vectors[column].astype(np.float64)
        sums += _unit(vectors)[items[:, number]]
    # Vectors that cancel out have no direction: they stay 0, which is like nothing.
    return _unit(sums).astype(np.float32)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1, norms))
