"""Both softmaxes of a pair of columns, over tiles: along the rows and along the columns.

The loss of a direction is `log(1 + others / positive)`, where `others` sums the exponentials of an
anchor's negatives: positives are kept apart, so that a small loss keeps all its digits and a lone
candidate costs exactly nothing.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from polymodal_losses.pair_tiles import LOG2_E, PairTiles


class PairSoftmax(Protocol):
    """The losses of a pair's anchors, and their gradient with respect to the logits.

    `at_positives` [anchors] is the gradient at the positives, which `gradient` holds too.
    """

    loss: Tensor
    at_positives: Tensor

    def gradient(self, index: int) -> Tensor:
        """Give the gradient [rows, columns] of the sum of all losses, for a tile of logits."""
        ...


def pair_softmax(tiles: PairTiles) -> PairSoftmax:
    """Sweep over the tiles with one exponential where float range allows it, else with two."""
    constant = ConstantShift(tiles)
    return constant if constant.is_reliable else RunningMaximum(tiles)


class ConstantShift:
    """One exponential serves both directions: every logit is shifted by the same constant.

    Logits are at most `bound`, so `exp(logit - shift)` and its sums stay below the largest float.
    Where a sum is so small that terms of it may have vanished, `is_reliable` is False and nothing
    else of this object is to be used. `loss` [anchors] is the sum of both directions.
    """

    def __init__(self, tiles: PairTiles) -> None:
        """Sum the exponentials of every row and of every column in one sweep."""
        self._tiles = tiles
        limits = torch.finfo(tiles.positive.dtype)
        entries = max(1, tiles.a.z.shape[0], tiles.b.z.shape[0])
        # The sums stay e^4 below the largest float: their reciprocals are no denormals either.
        self._shift = max(0.0, tiles.bound + math.log(entries) - math.log(limits.max) + 4.0)
        # Below, terms that vanished in underflow could amount to a rounding error of the sum.
        floor = limits.tiny / limits.eps**2
        others_a, others_b = self._sums()
        positive = (tiles.positive - self._shift).exp()
        sums = others_a + positive, others_b + positive
        self.is_reliable = -tiles.bound - self._shift > math.log(floor) or bool(
            torch.minimum(*sums).min() > floor
        )
        rest = tiles.positive - self._shift
        self.loss = _log_odds(others_a.log() - rest) + _log_odds(others_b.log() - rest)
        self.at_positives = -(others_a / sums[0] + others_b / sums[1])
        self._per_row = self._spread(1 / sums[0], tiles.rows.anchors_in_a, tiles.a.z.shape[0])
        self._per_column = self._spread(1 / sums[1], tiles.rows.anchors_in_b, tiles.b.z.shape[0])

    def gradient(self, index: int) -> Tensor:
        """Give the gradient [rows, columns] of the sum of all losses, for a tile of logits."""
        tiles, tile = self._tiles, self._tiles.tiles[index]
        # A pair of one tile still has its exponentials from the first sweep.
        block = self._last if len(tiles.tiles) == 1 else self._exponentials(index)
        both = tiles.buffers.take("weights", tile.shape, block.dtype)
        torch.add(self._per_row[tile.rows, None], self._per_column[None, tile.columns], out=both)
        block.mul_(both)
        tiles.put_positives(index, block, self.at_positives)
        return block

    def _sums(self) -> tuple[Tensor, Tensor]:
        tiles = self._tiles
        rows = tiles.positive.new_zeros(tiles.a.z.shape[0])
        columns = tiles.positive.new_zeros(tiles.b.z.shape[0])
        for index, tile in enumerate(tiles.tiles):
            block = self._last = self._exponentials(index)
            rows[tile.rows] += block.sum(dim=1)
            columns[tile.columns] += block.sum(dim=0)
        return rows[tiles.rows.anchors_in_a], columns[tiles.rows.anchors_in_b]

    def _exponentials(self, index: int) -> Tensor:
        block = self._tiles.exponents(index, shift=self._shift).exp2_()
        self._tiles.exclude(index, block, 0.0)
        return block

    @staticmethod
    def _spread(values: Tensor, anchors: Tensor, size: int) -> Tensor:
        # Rows that are no anchors have no loss, whatever their sums: weight 0.
        return values.new_zeros(size).index_copy_(0, anchors, values)


class RunningMaximum:
    """An exponential for each direction, shifted by the largest logit of its own row or column.

    Right for any logits, at twice the exponentials. `loss` [anchors] is the sum of both directions.
    """

    def __init__(self, tiles: PairTiles) -> None:
        """Find the maximum and the sum of every row and of every column in one sweep."""
        self._tiles = tiles
        self._positive = tiles.positive * LOG2_E
        in_a, in_b = tiles.rows.anchors_in_a, tiles.rows.anchors_in_b
        # No logit is below -bound: a start that is finite keeps rows without any negative finite.
        lowest = -tiles.bound * LOG2_E
        top_a = self._spread(self._positive, in_a, tiles.a.z.shape[0], rest=lowest)
        top_b = self._spread(self._positive, in_b, tiles.b.z.shape[0], rest=lowest)
        others_a, others_b = torch.zeros_like(top_a), torch.zeros_like(top_b)
        for index, tile in enumerate(tiles.tiles):
            block = self._exponents(index)
            self._absorb(block, 1, top_a[tile.rows], others_a[tile.rows])
            self._absorb(block, 0, top_b[tile.columns], others_b[tile.columns])
        loss_a, rest_a = self._direction(top_a[in_a], others_a[in_a])
        loss_b, rest_b = self._direction(top_b[in_b], others_b[in_b])
        self.loss = loss_a + loss_b
        self.at_positives = -(rest_a + rest_b)
        # Rows that are no anchors have no loss: exp2(-inf) = 0 for all of theirs.
        self._log_a = self._spread(
            self._positive + loss_a * LOG2_E, in_a, len(top_a), rest=math.inf
        )
        self._log_b = self._spread(
            self._positive + loss_b * LOG2_E, in_b, len(top_b), rest=math.inf
        )

    def gradient(self, index: int) -> Tensor:
        """Give the gradient [rows, columns] of the sum of all losses, for a tile of logits."""
        tiles, tile = self._tiles, self._tiles.tiles[index]
        block = self._exponents(index)
        other = tiles.buffers.take("weights", tile.shape, block.dtype)
        torch.sub(block, self._log_b[None, tile.columns], out=other)
        block.sub_(self._log_a[tile.rows, None]).exp2_().add_(other.exp2_())
        tiles.put_positives(index, block, self.at_positives)
        return block

    def _exponents(self, index: int) -> Tensor:
        block = self._tiles.exponents(index)
        self._tiles.exclude(index, block, -math.inf)
        return block

    def _absorb(self, block: Tensor, dim: int, top: Tensor, others: Tensor) -> None:
        higher = torch.maximum(top, block.amax(dim))
        other = self._tiles.buffers.take("weights", (block.shape[0], block.shape[1]), block.dtype)
        torch.sub(block, higher.unsqueeze(dim), out=other)
        others.mul_((top - higher).exp2_()).add_(other.exp2_().sum(dim))
        top.copy_(higher)

    def _direction(self, top: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        positive = self._positive - top
        loss = _log_odds(others.log() - positive / LOG2_E)
        return loss, others / (others + positive.exp2())

    @staticmethod
    def _spread(values: Tensor, anchors: Tensor, size: int, *, rest: float) -> Tensor:
        return values.new_full((size,), rest).index_copy_(0, anchors, values)


def _log_odds(log_ratio: Tensor) -> Tensor:
    # log(1 + exp(x)) without overflow, exactly 0 at -inf.
    return torch.logaddexp(torch.zeros_like(log_ratio), log_ratio)
