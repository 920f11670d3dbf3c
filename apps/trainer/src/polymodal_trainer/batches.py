"""The batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from polymodal_core.batch import Batch
from polymodal_datasets.loading import load_batches

from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def training_batches(
    setup: Setup, *, epoch: int, start: int = 0, order: NDArray[np.int64] | None = None
) -> Iterable[Batch]:
    """Give an epoch's full batches from number `start` on, rows in `order`.

    Where that is left out, the order depends on the seed alone. Batches hold the columns that the
    stage sees, and targets.
    """
    data = setup.data
    targets = tuple(setup.recipe.targets)
    seen = {*setup.stage.columns, *targets}
    return load_batches(
        setup.store,
        setup.splits.train,
        {name: item for name, item in setup.modalities.items() if name in seen},
        batch_size=data.batch_size,
        seed=setup.seed,
        epoch=epoch,
        start=start,
        workers=data.workers,
        modality_dropout=data.modality_dropout,
        kept=targets,
        order=order,
    )
