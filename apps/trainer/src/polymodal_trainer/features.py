"""Features of frozen encoders, computed once: what a run that trains heads alone needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from polymodal_core.protocols import Modality
from polymodal_datasets.feature_store import FeatureStore
from polymodal_datasets.generators import View
from polymodal_datasets.loading import load_items
from polymodal_datasets.store import Store
from torch import Tensor

from polymodal_trainer.precision import Precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_trainer.start import Setup

    Integers = NDArray[np.int64]

CHUNK = 1024


class CachedModality(Modality):
    """Stands for a modality whose encoder is frozen: values are found by their stored bytes.

    `pooled` [rows, ...] holds features. `places` maps a checksum of stored bytes to the row of what
    an evaluation sees; `views`, where there are any, to the first of `num_views` rows in a row:
    training draws one of these from the `shared` generator, so that all columns of a row of the
    store show the same view. Collated inputs are Features, from which the model goes on.
    """

    def __init__(
        self,
        modality: Modality,
        places: Mapping[bytes, int],
        pooled: Tensor,
        *,
        views: Mapping[bytes, int] | None = None,
        num_views: int = 1,
    ) -> None:
        """Keep what has been computed."""
        self._modality = modality
        self._places = dict(places)
        self._pooled = pooled
        self._views = dict(views or {})
        self._num_views = num_views

    def pack(self, value: Any, root: str | None) -> bytes:
        """Pack as the modality does."""
        return self._modality.pack(value, root)

    def decode(self, payload: bytes) -> bytes:
        """Give the checksum of a stored value."""
        return checksum(payload)

    def transform(
        self,
        value: bytes,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> int:
        """Find the features of a value; raises RunError for one that was not computed."""
        drawn = training and self._num_views > 1
        place = (self._views if drawn else self._places).get(value)
        if place is None:
            raise RunError("its features were not computed: it is in none of the run's rows")
        return place + int(shared.integers(self._num_views)) if drawn else place

    def collate(self, examples: Sequence[int]) -> Features:
        """Gather features [present, ...]."""
        return Features(self._pooled[torch.tensor(examples, dtype=torch.int64)])

    def show(self, value: bytes) -> str:
        """Name the value; what is shown in reports comes from the modality itself."""
        return f"features of {value.hex()}"

    def spec(self) -> dict[str, Any]:
        """Give the modality's."""
        return self._modality.spec()


def checksum(payload: bytes) -> bytes:
    """Give what tells stored values apart."""
    return blake2b(payload, digest_size=16).digest()


def cached_columns(model: Model) -> list[str]:
    """Give the columns whose encoder is frozen."""
    return [column for column in model.columns if model.owners[column] in model.frozen]


def cache_features(setup: Setup, *, advance: Callable[[int], None]) -> dict[str, Modality]:
    """Give the features of frozen encoders for all items of training and validation rows.

    With `training.cached_views = 1` all are of what an evaluation sees. Else those of validation
    rows are, and of every item of training rows that many augmented views. Features lie in a store
    of their own beside the run's, under a fingerprint of weights, preprocessing and view, and a
    checksum of the item's bytes: what is there is read, what is not is computed and added, batch by
    batch, so that an interrupted run loses little. Gives all modalities, those of frozen encoders
    replaced by their caches; `advance` hears how many items are done.
    """
    result = dict(setup.modalities)
    count = setup.training.cached_views
    plain, augmented = _rows(setup)
    for column in cached_columns(setup.model):
        source = fingerprint(setup, column)
        with FeatureStore(feature_path(setup.store.path)) as kept:
            cache = _Cache(setup, column, source, kept, advance)
            features = cache.features(_items(setup.store, column, plain))
            items = _items(setup.store, column, augmented)
            views = [cache.features(items, View(setup.seed, k)) for k in range(count)]
        places = {key: place for place, key in enumerate(features)}
        first = {key: len(places) + count * number for number, key in enumerate(views[0])}
        pooled = [*features.values(), *(view[key] for key in views[0] for view in views)]
        result[column] = CachedModality(
            setup.modalities[column],
            places,
            torch.from_numpy(np.stack(pooled)),
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


def feature_path(store: Path) -> Path:
    """Give the folder that keeps the features of a store's items."""
    return store.with_name(f"{store.name}.features")


def fingerprint(setup: Setup, column: str) -> bytes:
    """Give what tells apart everything that the features of a column's items depend on."""
    config = setup.recipe.columns[column]
    plain = {
        "encoder": setup.encoders[config.owner],
        "modality": config.modality.model_dump(mode="json"),
        "state": setup.states[config.owner],
        "precision": str(setup.training.precision),
    }
    digest = blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16)
    for name, tensor in sorted(setup.model.frozen_state(column).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


def _items(store: Store, column: str, rows: Integers) -> Integers:
    items = np.unique(store.table.items[column][rows])
    return items[items >= 0]


@dataclass(frozen=True)
class _Cache:
    """What computes or finds the features of a column's items; `source` is its fingerprint."""

    setup: Setup
    column: str
    source: bytes
    kept: FeatureStore
    advance: Callable[[int], None]

    def features(
        self, items: Integers, view: View | None = None
    ) -> dict[bytes, NDArray[np.float32]]:
        """Give features by the checksum of their item, in the order of the items."""
        setup, column = self.setup, self.column
        source = self.source if view is None else _fingerprint_of_view(self.source, view)
        sums: list[bytes] = []
        for at in range(0, len(items), CHUNK):
            sums += [checksum(value) for value in setup.store.read(column, items[at : at + CHUNK])]
        features = self.kept.read(source, sums)
        # Equal bytes are one value here: the first item that has them stands for all.
        missing: dict[bytes, int] = {}
        for key, item in zip(sums, items.tolist(), strict=True):
            if key not in features:
                missing.setdefault(key, item)
        self.advance(len(items) - len(missing))
        keys = iter(missing)
        for inputs in load_items(
            setup.store,
            column,
            setup.modalities[column],
            list(missing.values()),
            batch_size=setup.data.batch_size,
            workers=setup.data.workers,
            view=view,
        ):
            pooled = _pooled(setup.model, column, inputs, setup.precision).numpy()
            fresh = dict(zip(islice(keys, len(pooled)), pooled, strict=True))
            self.kept.write(source, fresh)
            features |= fresh
            self.advance(len(fresh))
        return {key: features[key] for key in sums}


def _fingerprint_of_view(source: bytes, view: View) -> bytes:
    plain = {"seed": view.seed, "view": view.number}
    return blake2b(source + json.dumps(plain).encode(), digest_size=16).digest()


def num_cached_items(setup: Setup) -> int:
    """Count the items that `cache_features` runs through encoders, each view of one for itself."""
    plain, augmented = _rows(setup)
    views = setup.training.cached_views
    return sum(
        len(_items(setup.store, column, plain))
        + views * len(_items(setup.store, column, augmented))
        for column in cached_columns(setup.model)
    )


def _pooled(model: Model, column: str, inputs: Any, precision: Precision) -> Tensor:
    with precision.autocast():
        return (
            model.frozen_features(column, to_device(inputs, precision.device)).pooled.float().cpu()
        )


def to_device(inputs: Any, device: torch.device) -> Any:
    """Give collated inputs with every tensor on `device`."""
    if isinstance(inputs, Features):
        return Features(inputs.pooled.to(device))
    if isinstance(inputs, Mapping):
        return {key: to_device(item, device) for key, item in inputs.items()}
    if isinstance(inputs, list | tuple):
        return type(inputs)(to_device(item, device) for item in inputs)
    return inputs.to(device) if isinstance(inputs, Tensor) else inputs
