"""Embeddings of a run's rows under the weights of the moment, as an evaluation sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from polymodal_core.batch import Inputs, to_device
from polymodal_datasets.generators import View
from polymodal_datasets.loading import load_items
from polymodal_eval.embedding_table import EmbeddingTable, embed_table, items_to_embed

from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.table import RowTable

    Integers = NDArray[np.int64]


def embed_rows(
    setup: Setup,
    rows: Integers,
    *,
    advance: Callable[[int], None] | None = None,
    view: View | None = None,
) -> EmbeddingTable:
    """Embed every item that `rows` hold, each column seen alone; `view` augments them.

    Columns that the stage does not see are left out. `advance` hears how many items are done.
    """

    def batches(column: str, items: Integers) -> Iterable[Inputs]:
        inputs = load_items(
            setup.store,
            column,
            setup.modalities[column],
            items,
            batch_size=setup.data.batch_size,
            workers=setup.data.workers,
            view=view,
        )
        return (to_device(item, setup.precision.device) for item in inputs)

    with setup.precision.autocast():
        return embed_table(
            setup.model,
            _seen(setup, rows),
            batches,
            device=str(setup.precision.device),
            advance=advance,
        )


def num_items(setup: Setup, rows: Integers) -> int:
    """Count the items that `embed_rows` embeds."""
    table = _seen(setup, rows)
    return sum(len(items) for items in items_to_embed(setup.model.columns, table).values())


def _seen(setup: Setup, rows: Integers) -> RowTable:
    table = setup.store.table.select(rows)
    return replace(table, items={name: table.items[name] for name in setup.stage.columns})
