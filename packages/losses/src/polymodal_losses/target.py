"""The target of PCMR as an operator: which rows match, without a matrix of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from polymodal_losses.partition import Partition, SignedPartition
from polymodal_losses.tiles import Tile, spans

_ROWS = 1024


class Target(Protocol):
    """A symmetric matrix T [batch, batch] of 0 and 1, with 1 on the diagonal."""

    def products(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Multiply T by each of `values` [batch, any]; sums accumulate in float64 or by tiles."""
        ...

    def tile(self, tile: Tile, out: Tensor) -> Tensor:
        """Write a tile of T into `out` [rows, columns] and return it."""
        ...


class StructuredTarget:
    """Matches that follow from partitions of the rows, and a list of those that do not.

    T is 1 within the classes of a signed sum of partitions, for `extras` [2, number] (each
    unordered pair once, in no class together) in both orders, and on the diagonal.
    A product costs O(batch) rows for each partition, and one for each extra.
    """

    def __init__(self, terms: Sequence[SignedPartition], extras: Tensor) -> None:
        """Sort the extras by row, in both orders."""
        self.terms = tuple(terms)
        both = torch.cat([extras, extras.flip(0)], dim=1)
        self._extras = both[:, both[0].argsort()]

    def products(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Multiply T by each of `values` [batch, any]; class sums accumulate in float64."""
        return [self._product(value) for value in values]

    def tile(self, tile: Tile, out: Tensor) -> Tensor:
        """Write a tile of T into `out` [rows, columns] and return it."""
        out.zero_()
        for sign, term in self.terms:
            left, right = term.labels[tile.rows, None], term.labels[None, tile.columns]
            out.add_((left == right) & (left >= 0), alpha=sign)
        edges = torch.tensor([tile.rows.start, tile.rows.stop], device=out.device)
        low, high = torch.searchsorted(self._extras[0].contiguous(), edges).tolist()
        rows, columns = self._extras[:, low:high]
        inside = (columns >= tile.columns.start) & (columns < tile.columns.stop)
        out[rows[inside] - tile.rows.start, columns[inside] - tile.columns.start] = 1.0
        return fill_diagonal(out, tile)

    def _product(self, value: Tensor) -> Tensor:
        total = value.clone()
        for sign, term in self.terms:
            _add_class_sums(total, value, term, sign)
        for part in spans(self._extras.shape[1], _ROWS):
            rows, columns = self._extras[:, part]
            total.index_add_(0, rows, value[columns])
        return total


def fill_diagonal(out: Tensor, tile: Tile) -> Tensor:
    """Write 1 where a tile [rows, columns] crosses the diagonal."""
    low = max(tile.rows.start, tile.columns.start)
    high = min(tile.rows.stop, tile.columns.stop)
    if low < high:
        square = out[low - tile.rows.start :, low - tile.columns.start :]
        square.diagonal()[: high - low] = 1.0
    return out


def _add_class_sums(total: Tensor, value: Tensor, term: Partition, sign: int) -> None:
    # The rest of a row's class: its sum without the row itself, which is on the diagonal.
    shape = (term.classes, value.shape[1])
    sums = torch.zeros(shape, dtype=torch.float64, device=value.device)
    chunks = spans(len(value), _ROWS)
    for rows in chunks:
        shared = (term.labels[rows] >= 0).nonzero().flatten()
        labels = term.labels[rows][shared]
        sums.index_add_(0, labels, value[rows][shared].double())
    for rows in chunks:
        shared = (term.labels[rows] >= 0).nonzero().flatten()
        rest = sums[term.labels[rows][shared]] - value[rows][shared]
        total[rows].index_add_(0, shared, rest.to(value.dtype), alpha=sign)
