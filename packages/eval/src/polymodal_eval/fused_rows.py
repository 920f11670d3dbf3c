"""Embeddings of several columns of a row together, made by a model that fuses them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import RunError

from polymodal_eval.attention import Attention, read_attention

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Features, Inputs
    from polymodal_core.model import Model

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]

ROWS = 256
"""Combinations that are fused at once."""

CACHE_BYTES = 1 << 30
"""Up to so many bytes of token features are kept; of more, encoders run again when asked."""


class FusedRows:
    """Gives the model's embedding of combinations of items: `fused(columns, items)`.

    Items are encoded once and their token features kept, as far as `cache_bytes` go; vectors of a
    combination of columns are computed at the first call.
    """

    def __init__(
        self,
        model: Model,
        numbers: Mapping[str, Integers],
        batches: Callable[[str, Integers], Iterable[Inputs]],
        *,
        device: str = "cpu",
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        """Remember where items come from; `numbers` and `batches` as in `embed_table`."""
        self._model = model
        self._numbers = numbers
        self._batches = batches
        self._device = device
        self._left = cache_bytes
        self._features: dict[str, Features | None] = {}
        self._others: tuple[str, FusedRows] | None = None
        self._vectors: dict[tuple[frozenset[str], bytes], Vectors] = {}

    def __call__(self, columns: tuple[str, ...], items: Integers) -> Vectors:
        """Embed combinations `items` [entries, columns], places in the table: [entries, dim].

        Raises RunError for vectors that are not finite.
        """
        ordered = sorted(columns)
        places = np.ascontiguousarray(items[:, [columns.index(name) for name in ordered]])
        key = (frozenset(columns), hashlib.sha256(places.tobytes()).digest())
        if key not in self._vectors:
            self._vectors[key] = self._embed(ordered, places)
        return self._vectors[key]

    def attention(self, columns: tuple[str, ...], items: Integers) -> list[dict[str, Attention]]:
        """Say what the model looks at in combinations `items` [entries, columns], all at once.

        A dict per entry, empty where the fusion looks at no tokens.
        """
        import torch

        model = self._model
        training = model.training
        model.eval()
        found: list[dict[str, Attention]] = [{} for _ in items]
        try:
            with torch.inference_mode():
                features = {
                    column: self._take(column, items[:, number])
                    for number, column in enumerate(columns)
                }
                for column, maps in model.attention(features).items():
                    for entry, read in zip(
                        found, read_attention(maps, features[column]), strict=True
                    ):
                        entry[column] = read
        finally:
            model.train(training)
        return found

    def replaced(self, column: str, batches: Callable[[Integers], Iterable[Inputs]]) -> FusedRows:
        """Give the same with other inputs for the items of a column; the rest is shared."""
        found = FusedRows(
            self._model,
            self._numbers,
            lambda _, items: batches(items),
            device=self._device,
            cache_bytes=self._left,
        )
        found._others = (column, self)
        return found

    def _embed(self, columns: list[str], places: Integers) -> Vectors:
        import torch

        model = self._model
        training = model.training
        model.eval()
        vectors = np.empty((len(places), model.dim), dtype=np.float32)
        try:
            with torch.inference_mode():
                for start in range(0, len(places), ROWS):
                    part = places[start : start + ROWS]
                    features = {
                        column: self._take(column, part[:, number])
                        for number, column in enumerate(columns)
                    }
                    vectors[start : start + len(part)] = model.combine(features).float().cpu()
        finally:
            model.train(training)
        if not np.isfinite(vectors).all():
            raise RunError(
                f"the model gives values that are not finite for {' + '.join(columns)} together; "
                f"evaluate an earlier checkpoint"
            )
        return vectors

    def _take(self, column: str, places: Integers) -> Features:
        import torch

        if self._others is not None and column != self._others[0]:
            return self._others[1]._take(column, places)
        if column not in self._features:
            self._features[column] = self._kept(column)
        found = self._features[column]
        if found is None:
            unique, places = np.unique(places, return_inverse=True)
            found = joined(list(self._encoded(column, self._numbers[column][unique])))
        index = torch.from_numpy(places)
        return type(found)(
            found.pooled[index],
            None if found.tokens is None else found.tokens[index],
            None if found.mask is None else found.mask[index],
            grid=found.grid,
        ).to(self._device)

    def _kept(self, column: str) -> Features | None:
        numbers = self._numbers[column]
        parts: list[Features] = []
        size = 0
        for features in self._encoded(column, numbers):
            parts.append(features)
            size = max(size, _bytes(features) * len(numbers) // len(features.pooled))
            if size > self._left:
                return None
        self._left -= size
        return joined(parts)

    def _encoded(self, column: str, numbers: Integers) -> Iterable[Features]:
        from polymodal_core.batch import to_device

        for inputs in self._batches(column, numbers):
            yield self._model.features(column, to_device(inputs, self._device)).to("cpu")


def joined(parts: list[Features]) -> Features:
    """Join features of a column, sequences padded to the longest: [items, ...]."""
    import torch
    import torch.nn.functional as F

    first = parts[0]
    pooled = torch.cat([part.pooled for part in parts])
    if first.tokens is None:
        return type(first)(pooled)
    tokens: list[Any] = [part.tokens for part in parts]
    masks: list[Any] = [
        torch.ones(part.tokens.shape[:2], dtype=torch.bool) if part.mask is None else part.mask
        for part in parts
        if part.tokens is not None
    ]
    longest = max(item.shape[1] for item in tokens)
    return type(first)(
        pooled,
        torch.cat([F.pad(item, (0, 0, 0, longest - item.shape[1])) for item in tokens]),
        torch.cat([F.pad(item, (0, longest - item.shape[1])) for item in masks]),
        grid=first.grid,
    )


def _bytes(features: Features) -> int:
    parts = (features.pooled, features.tokens, features.mask)
    return sum(x.numel() * x.element_size() for x in parts if x is not None)
