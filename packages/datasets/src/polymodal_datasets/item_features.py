"""Features of single items, as they are kept: split off a batch, and joined to one again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from polymodal_core.batch import Features
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ItemFeatures:
    """One item's `pooled` [...] and, where they are kept, `tokens` [length, ...] and `mask`.

    `mask` [length] is 1 where a token is real, else 0. What only padded the item in its batch is
    cut off; length 0 says that the encoder has no tokens. `grid` is [height, width] of the tokens
    that are cells (`Features.grid`), of which none is cut off; length 0: there is no grid.
    """

    pooled: Floats
    tokens: Floats | None = None
    mask: Floats | None = None
    grid: Floats | None = None


def split_features(features: Features, *, tokens: bool) -> list[ItemFeatures]:
    """Take the features of a batch apart, by item; without `tokens`, they are left out."""
    pooled = features.pooled.float().cpu().numpy()
    if not tokens:
        return [ItemFeatures(item) for item in pooled]
    if features.tokens is None:
        empty = np.zeros(0, dtype=np.float32)
        return [ItemFeatures(item, empty, empty, empty) for item in pooled]
    sequences = features.tokens.float().cpu().numpy()
    real = (
        np.ones(sequences.shape[:2], dtype=np.bool_)
        if features.mask is None
        else features.mask.cpu().numpy()
    )
    grid = np.asarray(features.grid or (), dtype=np.float32)
    found = []
    for item, sequence, mask in zip(pooled, sequences, real, strict=True):
        # One token stays even where none is real: that is not the same as having no tokens.
        length = len(mask) if len(grid) else int(mask.nonzero()[0].max(initial=0)) + 1
        # Whatever a masked token holds, it is of no use, and it may be NaN.
        kept = np.where(mask[:length].reshape(-1, *[1] * (sequence.ndim - 1)), sequence[:length], 0)
        found.append(ItemFeatures(item, kept, mask[:length].astype(np.float32), grid))
    return found


class FeatureTable:
    """Features of many items, in few tensors; `rows` of it are gathered to a batch."""

    def __init__(self, pooled: Tensor, items: Sequence[ItemFeatures] = ()) -> None:
        """Hold `pooled` [rows, ...], and the tokens of `items` [rows], where there are any."""
        self.pooled = pooled
        parts = [(item.tokens, item.mask) for item in items if item.tokens is not None]
        lengths = [len(cast("Floats", mask)) for _, mask in parts]
        self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._tokens = self._mask = None
        self._grids = [
            () if item.grid is None else tuple(int(side) for side in item.grid) for item in items
        ]
        if any(lengths):
            self._tokens = torch.from_numpy(
                np.concatenate([tokens for tokens, _ in parts if len(tokens)])
            )
            self._mask = torch.from_numpy(
                np.concatenate([cast("Floats", mask) for _, mask in parts]) > 0
            )

    @classmethod
    def of(cls, items: Sequence[ItemFeatures]) -> FeatureTable:
        """Hold the features of items."""
        return cls(torch.from_numpy(np.stack([item.pooled for item in items])), items)

    def gather(self, rows: Sequence[int] | Integers) -> Features:
        """Give the features of rows: tokens are padded to the longest, and masked.

        They are laid out as a grid where every row has the same one.
        """
        pooled = self.pooled[torch.as_tensor(rows, dtype=torch.int64)]
        if self._tokens is None or self._mask is None:
            return Features(pooled)
        spans = [slice(int(self._starts[row]), int(self._starts[row + 1])) for row in rows]
        tokens = [self._tokens[span] for span in spans]
        mask = [self._mask[span] for span in spans]
        pad = torch.nn.utils.rnn.pad_sequence
        return Features(
            pooled,
            pad(tokens, batch_first=True),
            pad(mask, batch_first=True),
            grid=self._grid(rows, {len(part) for part in mask}),
        )

    def _grid(
        self, rows: Sequence[int] | Integers, lengths: Collection[int]
    ) -> tuple[int, int] | None:
        grids = {self._grids[row] for row in rows}
        if len(grids) != 1 or len(lengths) != 1:  # what is padded has its cells last no more
            return None
        (grid,) = grids
        return (grid[0], grid[1]) if len(grid) == 2 else None
