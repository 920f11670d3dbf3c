"""Features of frozen encoders that a run kept beside its store, for its evaluation too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from polymodal_core.batch import Features, to_device
from polymodal_core.token_maps import reads_tokens
from polymodal_datasets.feature_store import FeatureStore
from polymodal_datasets.frozen_features import (
    FrozenFeatures,
    cached_columns,
    checksum,
    feature_path,
    fingerprint,
)
from polymodal_datasets.item_features import FeatureTable

from polymodal_evaluator.opening import Opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs

    Integers = NDArray[np.int64]

PRECISION = "float32"
"""What an evaluation computes in; features kept by a run in another precision are not used."""


class KeptFeatures:
    """Gives frozen encoders' features instead of inputs; what is not kept is computed and kept.

    So the runs of a study encode a test split once. `columns` are those that it serves: none,
    unless the run was trained on cached features.
    """

    def __init__(self, opened: Opened, *, device: str) -> None:
        """Remember the run; nothing is opened yet."""
        self._opened = opened
        self._device = device
        training = opened.trained.recipe.table.get("training")
        caches = isinstance(training, dict) and training.get("cache_features") is True
        caches = caches and "encoders" in opened.trained.checkpoint.state
        self.columns = frozenset(cached_columns(opened.trained.model)) if caches else frozenset()

    def batches(self, column: str, items: Integers) -> Iterator[Features]:
        """Yield the features [present, ...] of items in their order, a batch at a time.

        Raises StoreError where nothing can be kept beside the store.
        """
        size = self._opened.evaluation.batch_size
        with FeatureStore(feature_path(self._opened.store.path)) as kept:
            frozen = self._frozen(column, kept)
            for at in range(0, len(items), size):
                some = items[at : at + size]
                payloads = self._opened.store.read(column, some)
                found = frozen.of(some)
                table = FeatureTable.of([found[checksum(payload)] for payload in payloads])
                yield table.gather(range(len(payloads)))

    def _frozen(self, column: str, kept: FeatureStore) -> FrozenFeatures:
        opened = self._opened
        trained, evaluation = opened.trained, opened.evaluation
        config = trained.recipe.columns[column]
        state = trained.checkpoint.state

        def encode(inputs: Inputs) -> Features:
            on_device = to_device(inputs, self._device)
            return trained.model.eval().frozen_features(column, on_device)

        source = fingerprint(
            trained.model,
            config,
            encoder=state["encoders"][config.owner],
            state=state["modalities"][config.owner],
            precision=PRECISION,
        )
        return FrozenFeatures(
            opened.store,
            column,
            trained.modalities[column],
            source,
            kept,
            encode,
            lambda _: None,
            batch_size=evaluation.batch_size,
            workers=evaluation.workers,
            tokens=reads_tokens(trained.model, state.get("objective") or {}),
        )
