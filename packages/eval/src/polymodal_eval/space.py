"""The space: what a task gets to see of a trained model and a split."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import UnknownNameError, suggest
from polymodal_core.geometry import WHOLE, Crop

from polymodal_eval.embedding_table import embed_items

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs
    from polymodal_core.model import Model
    from polymodal_core.protocols import Modality

    from polymodal_eval.embedding_table import EmbeddingTable
    from polymodal_eval.segmented_rows import SegmentedSplit

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]
    Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledVectors:
    """One unit vector per class: `vectors` [classes, dim], `labels` [classes].

    `names` are the classes' where they are not all classes of the store.
    """

    vectors: Vectors
    labels: Integers
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class StoredValues:
    """What rows hold of a store's column.

    `items` [rows] are numbers in the store, -1 where a row has none; `values` are decoded, None
    where a row has none.
    """

    items: Integers
    values: Sequence[Any]


@dataclass(frozen=True)
class Space:
    """A split in the shared space, and the model and store behind it.

    `encode(column, values)` embeds decoded values: unit vectors [values, dim]. `show(column,
    item)` gives a store's item as uint8 [height, width, 3] or as text, `identify` its id, `window`
    the part of it that an encoder sees and `spans` the places of tokens in the text.
    `kinds[column]` is the kind of modality. `classes(column)` embeds the items of a class column
    for every class of the store, not of the split alone. `corruptions[column]` names the ways to
    damage its values, and `corrupted(column, name, severity)` embeds the split with the column's
    items so damaged; `values(column, split)` gives what rows hold of any column of the store, of
    this split where `split` is None. Both are None where the values are not at hand. `source` is
    what the store was packed from. `rows` [rows] are the numbers that the split's rows have in the
    store. `classify(columns, vectors)` scores vectors [rows, dim] of columns together for the
    classes [rows, classes]; None where the run has learned none. `segmented` are
    label maps, where the run predicts any and a task wants them. `seed` and `resamples` serve
    intervals.
    """

    embeddings: EmbeddingTable
    encode: Callable[[str, Sequence[Any]], Vectors]
    show: Callable[[str, int], Picture | str]
    identify: Callable[[str, int], str]
    kinds: Mapping[str, str]
    classes: Callable[[str], LabelledVectors]
    corruptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    corrupted: Callable[[str, str, float], EmbeddingTable] | None = None
    values: Callable[[str, str | None], StoredValues] | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    window: Callable[[str, int], Crop] = lambda column, item: WHOLE
    spans: Callable[[str, int], Sequence[tuple[int, int]] | None] = lambda column, item: None
    rows: Integers | None = None
    classify: Callable[[tuple[str, ...], Vectors], Vectors] | None = None
    segmented: SegmentedSplit | None = None
    split: str = "test"
    seed: int = 0
    resamples: int = 1000

    def column(self, name: str) -> str:
        """Give `name` back where the split has items of it; raises UnknownNameError else."""
        if name not in self.embeddings.vectors:
            known = self.embeddings.columns
            raise UnknownNameError(
                f"split '{self.split}' has no items of a column '{name}' that the model embeds"
                f"{suggest(name, known)}"
            )
        return name

    def labels(self, column: str) -> list[Integers]:
        """Give the labels of each item of a column: the set over its rows, ascending."""
        table = self.embeddings.table
        rows = np.flatnonzero((table.items[column] >= 0) & (table.label >= 0))
        pairs = np.unique(np.stack([table.items[column][rows], table.label[rows]]), axis=1)
        cuts = np.searchsorted(pairs[0], np.arange(1, len(self.embeddings.vectors[column])))
        return [part.astype(np.int64) for part in np.split(pairs[1], cuts)]


def encode_values(
    model: Model,
    modality: Modality,
    column: str,
    values: Sequence[Any],
    *,
    device: str = "cpu",
    batch_size: int = 64,
) -> Vectors:
    """Embed decoded values of a column as at evaluation: unit vectors [values, dim]."""
    batches = (
        collate_values(modality, values[start : start + batch_size])
        for start in range(0, len(values), batch_size)
    )
    numbers = np.arange(len(values), dtype=np.int64)
    return embed_items(model, column, batches, items=numbers, device=device)


def collate_values(modality: Modality, values: Sequence[Any]) -> Inputs:
    """Turn decoded values into a batch [present, ...] as at evaluation."""
    rng = np.random.default_rng(0)  # the protocol wants generators; evaluation draws nothing
    return modality.collate(
        [modality.transform(value, training=False, shared=rng, own=rng) for value in values]
    )


def corruption_generator(seed: int, corruption: str, item: int) -> np.random.Generator:
    """Give the generator that damages an item: the same at every severity, in every order.

    So a curve over severities shows the same damage growing, and not other draws.
    """
    return np.random.default_rng([seed, zlib.crc32(corruption.encode()), item])


def unit_means(vectors: Vectors, groups: Integers, num_groups: int) -> Vectors:
    """Average unit vectors [items, dim] by group [items] and renormalise: [groups, dim]."""
    sums = np.zeros((num_groups, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, groups, vectors)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(norms == 0, 1, norms), dtype=np.float32)
