"""The batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterable

from polymodal_core.batch import Batch
from polymodal_datasets.loading import load_batches

from polymodal_trainer.start import Setup


def training_batches(setup: Setup, *, epoch: int, start: int = 0) -> Iterable[Batch]:
    """Give an epoch's full batches from number `start` on; the order depends on the seed alone."""
    data = setup.data
    return load_batches(
        setup.store,
        setup.splits.train,
        setup.modalities,
        batch_size=data.batch_size,
        seed=setup.seed,
        epoch=epoch,
        start=start,
        workers=data.workers,
        modality_dropout=data.modality_dropout,
    )
