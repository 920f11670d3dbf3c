"""Validation: every item of the validation rows embedded, and R@1 of every ordered pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from polymodal_core.batch import Inputs, to_device
from polymodal_datasets.loading import load_items
from polymodal_eval.embedding_table import embed_table, items_to_embed
from polymodal_eval.validation import average_validation

from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def validate(setup: Setup, *, advance: Callable[[int], None] | None = None) -> dict[str, float]:
    """Give R@1 of every ordered pair over the validation rows, and their mean as `mean`."""

    def batches(column: str, items: NDArray[np.int64]) -> Iterable[Inputs]:
        inputs = load_items(
            setup.store,
            column,
            setup.modalities[column],
            items,
            batch_size=setup.data.batch_size,
            workers=setup.data.workers,
        )
        return (to_device(item, setup.precision.device) for item in inputs)

    table = setup.store.table.select(setup.splits.validation)
    with setup.precision.autocast():
        embeddings = embed_table(
            setup.model, table, batches, device=str(setup.precision.device), advance=advance
        )
    return average_validation(embeddings)


def num_validation_items(setup: Setup) -> int:
    """Count the items that a validation embeds."""
    table = setup.store.table.select(setup.splits.validation)
    return sum(len(items) for items in items_to_embed(setup.model.columns, table).values())
