"""Features of frozen encoders, computed once: what a run that trains heads alone needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
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

    `places` maps a checksum of stored bytes to a row of `pooled` [items, ...]. Collated inputs are
    Features, from which the model goes on. Nothing is augmented.
    """

    def __init__(self, modality: Modality, places: Mapping[bytes, int], pooled: Tensor) -> None:
        """Keep what has been computed."""
        self._modality = modality
        self._places = dict(places)
        self._pooled = pooled

    def pack(self, value: Any, root: str | None) -> bytes:
        """Pack as the modality does."""
        return self._modality.pack(value, root)

    def decode(self, payload: bytes) -> int:
        """Find the features of a stored value; raises RunError for one that was not computed."""
        place = self._places.get(checksum(payload))
        if place is None:
            raise RunError("its features were not computed: it is in none of the run's rows")
        return place

    def transform(
        self,
        value: Any,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> Any:
        """Leave the place as it is."""
        return value

    def collate(self, examples: Sequence[Any]) -> Features:
        """Gather features [present, ...]."""
        return Features(self._pooled[torch.tensor(examples, dtype=torch.int64)])

    def show(self, value: Any) -> str:
        """Name the place; what is shown in reports comes from the modality itself."""
        return f"features {value}"

    def spec(self) -> dict[str, Any]:
        """Give the modality's."""
        return self._modality.spec()


def checksum(payload: bytes) -> bytes:
    """Give what tells stored values apart."""
    return blake2b(payload, digest_size=16).digest()


def cached_columns(model: Model) -> list[str]:
    """Give the columns whose encoder is frozen."""
    return [column for column in model.columns if model.owners[column] in model.frozen]


def cache_features(
    setup: Setup, rows: Integers, *, advance: Callable[[int], None]
) -> dict[str, Modality]:
    """Give the features of frozen encoders for all items of `rows`, as an evaluation sees them.

    Features lie in a store of their own beside the run's, under a fingerprint of weights and
    preprocessing and a checksum of the item's bytes: what is there is read, what is not is
    computed and added, batch by batch, so that an interrupted run loses little. Gives all
    modalities, those of frozen encoders replaced by their caches; `advance` hears how many items
    are done.
    """
    result = dict(setup.modalities)
    for column in cached_columns(setup.model):
        items = _items(setup, column, rows)
        with FeatureStore(feature_path(setup.store.path)) as kept:
            features = _features(setup, column, items, kept=kept, advance=advance)
        places = {checksum: place for place, checksum in enumerate(features)}
        pooled = torch.from_numpy(np.stack(list(features.values())))
        result[column] = CachedModality(setup.modalities[column], places, pooled)
    return result


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


def _items(setup: Setup, column: str, rows: Integers) -> Integers:
    items = np.unique(setup.store.table.items[column][rows])
    return items[items >= 0]


def _features(
    setup: Setup,
    column: str,
    items: Integers,
    *,
    kept: FeatureStore,
    advance: Callable[[int], None],
) -> dict[bytes, NDArray[np.float32]]:
    source = fingerprint(setup, column)
    sums: list[bytes] = []
    for at in range(0, len(items), CHUNK):
        sums += [checksum(payload) for payload in setup.store.read(column, items[at : at + CHUNK])]
    features = kept.read(source, sums)
    # Equal bytes are one value here: the first item that has them stands for all.
    missing = {key: item for key, item in zip(sums, items, strict=True) if key not in features}
    advance(len(items) - len(missing))
    numbers = np.array(list(missing.values()), dtype=np.int64)
    keys = iter(missing)
    for inputs in load_items(
        setup.store,
        column,
        setup.modalities[column],
        numbers,
        batch_size=setup.data.batch_size,
        workers=setup.data.workers,
    ):
        pooled = _pooled(setup.model, column, inputs, setup.precision).numpy()
        fresh = dict(zip(islice(keys, len(pooled)), pooled, strict=True))
        kept.write(source, fresh)
        features |= fresh
        advance(len(fresh))
    return features


def num_cached_items(model: Model, store: Store, rows: Integers) -> int:
    """Count the items that `cache_features` runs through encoders."""
    held = [store.table.items[column][rows] for column in cached_columns(model)]
    return sum(len(np.unique(numbers[numbers >= 0])) for numbers in held)


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
