"""The embedding table: every item of a split in the shared space, and the rows that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from polymodal_core.errors import RunError
from polymodal_core.table import RowTable

from polymodal_eval.fused_rows import FusedRows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs
    from polymodal_core.model import Model

    from polymodal_eval.attention import Attention

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class EmbeddingTable:
    """Unit vectors of the items of a split, each item once, however many rows hold it.

    `vectors[column]` [items, dim]; `item_numbers[column]` [items] are their numbers in the store,
    ascending; in `table` the items are numbered by their place in `vectors`. Where the model fuses
    columns, `fuse(columns, items)` embeds combinations `items` [entries, columns] of a row's items:
    embeddings of several columns then belong to rows. `vectors` are of each column seen alone.
    `attend(columns, items)` says what the model looks at in each column of such combinations.
    """

    vectors: Mapping[str, Vectors]
    item_numbers: Mapping[str, Integers]
    table: RowTable
    fuse: Callable[[tuple[str, ...], Integers], Vectors] | None = None
    attend: Callable[[tuple[str, ...], Integers], Sequence[Mapping[str, Attention]]] | None = None

    @property
    def columns(self) -> list[str]:
        """Columns that have at least one item."""
        return list(self.vectors)


def embed_table(
    model: Model,
    table: RowTable,
    batches: Callable[[str, Integers], Iterable[Inputs]],
    *,
    device: str = "cpu",
    advance: Callable[[int], None] | None = None,
) -> EmbeddingTable:
    """Embed every distinct item that the rows of `table` hold, of every column of the model.

    `batches(column, items)` yields the collated inputs of the store's items in their order;
    `advance` hears how many items have been embedded. Columns without an item are left out.
    The model is used in eval mode and returned to the mode it was in. Raises RunError for vectors
    that are not finite.
    """
    numbers = items_to_embed(model.columns, table)
    vectors = {
        column: embed_items(
            model, column, batches(column, items), items=items, device=device, advance=advance
        )
        for column, items in numbers.items()
    }
    renumbered = {
        column: np.where(held >= 0, np.searchsorted(numbers[column], held), -1).astype(np.int64)
        for column, held in table.items.items()
        if column in numbers
    }
    kept = replace(table, items=renumbered, of_classes=table.of_classes & numbers.keys())
    fuse = None if model.fusion is None else FusedRows(model, numbers, batches, device=device)
    attend = None if fuse is None else fuse.attention
    return EmbeddingTable(vectors, numbers, kept, fuse, attend)


def embed_replaced(
    model: Model,
    embeddings: EmbeddingTable,
    column: str,
    batches: Callable[[Integers], Iterable[Inputs]],
    *,
    device: str = "cpu",
) -> EmbeddingTable:
    """Give the table with the items of a column embedded from other inputs, `batches(items)`."""
    items = embeddings.item_numbers[column]
    vectors = embed_items(model, column, batches(items), items=items, device=device)
    fuse = embeddings.fuse
    return replace(
        embeddings,
        vectors={**embeddings.vectors, column: vectors},
        fuse=fuse.replaced(column, batches) if isinstance(fuse, FusedRows) else None,
    )


def items_to_embed(columns: Iterable[str], table: RowTable) -> dict[str, Integers]:
    """Give the distinct items that rows hold, ascending, of each column that has any."""
    found = {}
    for column in columns:
        held = table.items.get(column, np.zeros(0, np.int64))
        items = np.unique(held[held >= 0])
        if len(items):
            found[column] = items
    return found


def embed_items(
    model: Model,
    column: str,
    batches: Iterable[Inputs],
    *,
    items: Integers,
    device: str = "cpu",
    advance: Callable[[int], None] | None = None,
) -> Vectors:
    """Embed a column's `items`, given as collated inputs in their order: [items, dim]."""
    import torch
    from polymodal_core.batch import to_device

    training = model.training
    model.eval()
    vectors = np.empty((len(items), model.dim), dtype=np.float32)
    done = 0
    try:
        with torch.inference_mode():
            for inputs in batches:
                found = model.embed(column, to_device(inputs, device)).float().cpu().numpy()
                vectors[done : done + len(found)] = found
                done += len(found)
                if advance is not None:
                    advance(len(found))
    finally:
        model.train(training)
    if done != len(items):
        raise RunError(f"column '{column}': {done} items were loaded; wanted {len(items)}")
    bad = items[~np.isfinite(vectors).all(axis=1)]
    if len(bad):
        raise RunError(
            f"column '{column}': the model gives values that are not finite for {len(bad)} of "
            f"{len(items)} items, first for item {bad[0]}; evaluate an earlier checkpoint"
        )
    return vectors
