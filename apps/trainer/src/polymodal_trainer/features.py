"""Features of frozen encoders, computed once: what a run that trains heads alone needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from polymodal_core.protocols import Modality
from polymodal_datasets.loading import load_items
from polymodal_datasets.store import Store
from torch import Tensor

from polymodal_trainer.precision import Precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


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
    model: Model,
    store: Store,
    modalities: Mapping[str, Modality],
    rows: Integers,
    *,
    precision: Precision,
    batch_size: int,
    workers: int,
    advance: Callable[[int], None],
) -> dict[str, Modality]:
    """Run every frozen encoder over all items that `rows` hold, as an evaluation sees them.

    Gives all modalities, those of frozen encoders replaced by their caches; `advance` hears how
    many items are done.
    """
    result = dict(modalities)
    for column in cached_columns(model):
        items = np.unique(store.table.items[column][rows])
        items = items[items >= 0]
        places: dict[bytes, int] = {}
        for at in range(0, len(items), 1024):
            for number, payload in enumerate(store.read(column, items[at : at + 1024]), start=at):
                places[checksum(payload)] = number
        inputs = load_items(
            store, column, modalities[column], items, batch_size=batch_size, workers=workers
        )
        pooled = []
        for batch in inputs:
            pooled.append(_pooled(model, column, batch, precision))
            advance(len(pooled[-1]))
        result[column] = CachedModality(modalities[column], places, torch.cat(pooled))
    return result


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
