"""Features of frozen encoders, found where they were kept before, else computed and kept."""

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
from polymodal_datasets.item_features import FeatureTable, ItemFeatures, split_features
from polymodal_datasets.loading import load_items
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs
    from polymodal_core.columns import ColumnConfig

    Integers = NDArray[np.int64]

CHUNK = 1024
TOKEN_PARTS = ("tokens", "mask", "grid")


class CachedModality(Modality):
    """Stands for a modality whose encoder is frozen: values are found by their stored bytes.

    `features` has rows; `places` maps a checksum of stored bytes to the row of what an evaluation
    sees; `views`, where there are any, to the first of `num_views` rows in a row: training draws
    one of these from the `shared` generator, so that all columns of a row of the store show the
    same view. Collated inputs are Features, from which the model goes on.
    """

    def __init__(
        self,
        modality: Modality,
        places: Mapping[bytes, int],
        features: FeatureTable,
        *,
        views: Mapping[bytes, int] | None = None,
        num_views: int = 1,
    ) -> None:
        """Keep what has been computed."""
        self._modality = modality
        self._places = dict(places)
        self._features = features
        self._views = dict(views or {})
        self._num_views = num_views

    def pack(self, value: Any, root: str | None) -> bytes:
        """Pack as the modality does."""
        return self._modality.pack(value, root)

    def screen(self) -> Callable[[bytes], bool] | None:
        """Screen as the modality does."""
        return self._modality.screen()

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
        return self._features.gather(examples)

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


def feature_path(store: Path) -> Path:
    """Give the folder that keeps the features of a store's items."""
    return store.with_name(f"{store.name}.features")


def fingerprint(
    model: Model, column: ColumnConfig, *, encoder: Any, state: Any, precision: str
) -> bytes:
    """Give what tells apart everything that the features of a column's items depend on.

    `encoder` is the encoder's portable table, `state` what the modality has learned.
    """
    plain = {
        "encoder": encoder,
        "modality": column.modality.model_dump(mode="json"),
        "state": state,
        "precision": precision,
    }
    digest = blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16)
    for name, tensor in sorted(model.frozen_state(column.name).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


@dataclass(frozen=True)
class FrozenFeatures:
    """What finds or computes the features of a column's items; `source` is its fingerprint.

    `encode` runs what is frozen of the encoder over inputs [present, ...]; of what it gives,
    pooled features are kept, and with `tokens` those too. `advance`
    hears how many items are done.
    """

    store: Store
    column: str
    modality: Modality
    source: bytes
    kept: FeatureStore
    encode: Callable[[Inputs], Features]
    advance: Callable[[int], None]
    batch_size: int
    workers: int = 0
    tokens: bool = False

    def of(self, items: Integers, view: View | None = None) -> dict[bytes, ItemFeatures]:
        """Give features by the checksum of their item's bytes, in the order of the items.

        What is kept is read; what is not is computed and kept, batch by batch, so that an
        interruption loses little. Items of equal bytes are one.
        """
        source = self.source if view is None else _fingerprint_of_view(self.source, view)
        sums: list[bytes] = []
        for at in range(0, len(items), CHUNK):
            payloads = self.store.read(self.column, items[at : at + CHUNK])
            sums += [checksum(payload) for payload in payloads]
        features = self._read(source, sums)
        # Equal bytes are one value here: the first item that has them stands for all.
        missing: dict[bytes, int] = {}
        for key, item in zip(sums, items.tolist(), strict=True):
            if key not in features:
                missing.setdefault(key, item)
        self.advance(len(items) - len(missing))
        keys = iter(missing)
        for inputs in load_items(
            self.store,
            self.column,
            self.modality,
            list(missing.values()),
            batch_size=self.batch_size,
            workers=self.workers,
            view=view,
        ):
            found = split_features(self.encode(inputs), tokens=self.tokens)
            fresh = dict(zip(islice(keys, len(found)), found, strict=True))
            self._write(source, fresh)
            features |= fresh
            self.advance(len(fresh))
        return {key: features[key] for key in sums}

    def _read(self, source: bytes, sums: Sequence[bytes]) -> dict[bytes, ItemFeatures]:
        pooled = self.kept.read(source, sums)
        if not self.tokens:
            return {key: ItemFeatures(value) for key, value in pooled.items()}
        tokens, mask, grid = (self.kept.read(_part(source, name), sums) for name in TOKEN_PARTS)
        return {
            key: ItemFeatures(pooled[key], tokens[key], mask[key], grid[key])
            for key in pooled.keys() & tokens.keys() & mask.keys() & grid.keys()
        }

    def _write(self, source: bytes, fresh: Mapping[bytes, ItemFeatures]) -> None:
        # Pooled features lie where a run without fusion looks for them.
        self.kept.write(source, {key: item.pooled for key, item in fresh.items()})
        if self.tokens:
            for name in TOKEN_PARTS:
                parts = {key: getattr(item, name) for key, item in fresh.items()}
                self.kept.write(_part(source, name), parts)


def _fingerprint_of_view(source: bytes, view: View) -> bytes:
    plain = {"seed": view.seed, "view": view.number}
    return blake2b(source + json.dumps(plain).encode(), digest_size=16).digest()


def _part(source: bytes, name: str) -> bytes:
    return blake2b(source + name.encode(), digest_size=16).digest()
