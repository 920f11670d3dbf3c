"""Features of frozen encoders, computed once: what a run that trains heads alone needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.batch import Features, to_device
from polymodal_core.protocols import Modality
from polymodal_core.token_maps import reads_tokens
from polymodal_datasets.feature_store import FeatureStore
from polymodal_datasets.frozen_features import (
    CachedModality,
    FrozenFeatures,
    cached_columns,
    feature_path,
    fingerprint,
)
from polymodal_datasets.generators import View
from polymodal_datasets.item_features import FeatureTable
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_trainer.start import Setup

    Integers = NDArray[np.int64]


def cache_features(setup: Setup, *, advance: Callable[[int], None]) -> dict[str, Modality]:
    """Give the features of frozen encoders for all items of training and validation rows.

    With `training.cached_views = 1` all are of what an evaluation sees. Else those of validation
    rows are, and of every item of training rows that many augmented views. Features lie in a store
    of their own beside the run's, under a fingerprint of weights, preprocessing and view, and a
    checksum of the item's bytes: what is there is read, what is not is computed and added, batch by
    batch, so that an interrupted run loses little. Gives all modalities, those of frozen encoders
    replaced by their caches; `advance` hears how many items are done. Tokens are kept where
    a fusion or an objective reads them.
    """
    result = dict(setup.modalities)
    count = setup.training.cached_views
    plain, augmented = _rows(setup)
    for column in cached_columns(setup.model):
        with FeatureStore(feature_path(setup.store.path)) as kept:
            frozen = _frozen(setup, column, kept, advance)
            features = frozen.of(_items(setup.store, column, plain))
            items = _items(setup.store, column, augmented)
            views = [frozen.of(items, View(setup.seed, k)) for k in range(count)]
        places = {key: place for place, key in enumerate(features)}
        first = {key: len(places) + count * number for number, key in enumerate(views[0])}
        items_of_rows = [*features.values(), *(view[key] for key in views[0] for view in views)]
        result[column] = CachedModality(
            setup.modalities[column],
            places,
            FeatureTable.of(items_of_rows),
            views=first,
            num_views=count,
        )
    return result


def _rows(setup: Setup) -> tuple[Integers, Integers]:
    # Rows whose items are kept as an evaluation sees them, and those whose views are.
    train, validation = setup.splits.train, setup.splits.validation
    if setup.training.cached_views > 1:
        return validation, train
    return np.concatenate([train, validation]), train[:0]


def _frozen(
    setup: Setup, column: str, kept: FeatureStore, advance: Callable[[int], None]
) -> FrozenFeatures:
    config = setup.recipe.columns[column]

    def encode(inputs: Any) -> Features:
        on_device = to_device(inputs, setup.precision.device)
        with setup.precision.autocast():
            return setup.model.frozen_features(column, on_device)

    source = fingerprint(
        setup.model,
        config,
        encoder=setup.encoders[config.owner],
        state=setup.states[config.owner],
        precision=str(setup.training.precision),
    )
    return FrozenFeatures(
        setup.store,
        column,
        setup.modalities[column],
        source,
        kept,
        encode,
        advance,
        batch_size=setup.data.batch_size,
        workers=setup.data.workers,
        tokens=reads_tokens(setup.model, setup.given),
    )


def _items(store: Store, column: str, rows: Integers) -> Integers:
    items = np.unique(store.table.items[column][rows])
    return items[items >= 0]


def num_cached_items(setup: Setup) -> int:
    """Count the items that `cache_features` runs through encoders, each view of one for itself."""
    plain, augmented = _rows(setup)
    views = setup.training.cached_views
    return sum(
        len(_items(setup.store, column, plain))
        + views * len(_items(setup.store, column, augmented))
        for column in cached_columns(setup.model)
    )
