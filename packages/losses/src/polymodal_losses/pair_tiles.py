"""The logits of one pair of columns, tile by tile."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from polymodal_losses.pair_rows import PairRows
from polymodal_losses.tile_product import add_product, product
from polymodal_losses.tiles import TileBuffers, tiles

LOG2_E = math.log2(math.e)


@dataclass(frozen=True)
class PackedColumn:
    """The rows of a column that are present, one after another.

    `z` [present, dim] are the unit vectors, `operand` the same times `factor` in the dtype of the
    matrix products (`z` itself where that is its own dtype); `norm` is at least the longest row's.
    """

    z: Tensor
    operand: Tensor
    factor: float
    norm: float
    groups: Tensor | None


@dataclass(frozen=True)
class AnchorSpan:
    """Anchors whose positive lies in a tile: a span of all anchors, and their places in it."""

    anchors: slice
    places: Tensor


class PairTiles:
    """Logits [a_rows, b_rows] of a pair, computed a tile at a time into shared memory.

    Positives are computed apart, in the precision of the embeddings, and stand in no tile: the
    difference between a logit and its own softmax, which is what a converged space is about, is
    never lost to the rounding of a matrix product.
    """

    def __init__(
        self,
        a: PackedColumn,
        b: PackedColumn,
        rows: PairRows,
        *,
        scale: float,
        buffers: TileBuffers,
    ) -> None:
        """Cut the pair into tiles; scale is 1/temperature."""
        self.a, self.b, self.rows, self.scale = a, b, rows, scale
        self.buffers = buffers
        self.tiles = tiles(a.z.shape[0], b.z.shape[0], buffers.shape)
        self.exponent_scale = scale * LOG2_E / (a.factor * b.factor)
        # Operands in half precision may be longer than their vectors by their rounding.
        self.bound = scale * a.norm * b.norm * (1.0 if a.operand is a.z else 1.01)
        left = _all_or_some(a.z, rows.anchors_in_a)
        right = _all_or_some(b.z, rows.anchors_in_b)
        self.positive = scale * torch.einsum("pd,pd->p", left, right)  # [anchors]
        self._spans = self._anchor_spans()

    def exponents(self, index: int, *, shift: float = 0.0) -> Tensor:
        """Compute log2(e) * (logits - shift) [rows, columns] of a tile: their powers of 2.

        `torch.exp2` runs four times faster on a CPU than `torch.exp`. What stands at positives and
        false negatives is for `exclude` to overwrite.
        """
        tile = self.tiles[index]
        out = self.buffers.take("exponents", tile.shape, self.a.z.dtype)
        left, right = self.a.operand[tile.rows], self.b.operand[tile.columns]
        if left.dtype == out.dtype:
            out = product(left, right, out=out)
        else:
            low = self.buffers.take("product", tile.shape, left.dtype)
            out.copy_(product(left, right, out=low))
        if shift > 0:
            minus = torch.tensor(-shift * LOG2_E, dtype=out.dtype, device=out.device)
            return torch.add(minus, out, alpha=self.exponent_scale, out=out)
        return out.mul_(self.exponent_scale) if self.exponent_scale != 1.0 else out

    def exclude(self, index: int, block: Tensor, value: float) -> None:
        """Write `value` where a block [rows, columns] has positives or false negatives."""
        tile, span = self.tiles[index], self._spans[index]
        if self.a.groups is not None and self.b.groups is not None:
            same = self.buffers.take("same", tile.shape, torch.bool)
            left, right = self.a.groups[tile.rows, None], self.b.groups[None, tile.columns]
            block.masked_fill_(torch.eq(left, right, out=same), value)
        block.view(-1).index_fill_(0, span.places, value)

    def put_positives(self, index: int, block: Tensor, values: Tensor) -> None:
        """Write values [anchors] where a block [rows, columns] has the positives."""
        span = self._spans[index]
        block.view(-1).index_copy_(0, span.places, values[span.anchors])

    def add_gradient(
        self, index: int, block: Tensor, *, to_a: Tensor | None, to_b: Tensor | None, weight: float
    ) -> None:
        """Add what a gradient block [rows, columns] of the logits means for the vectors."""
        tile = self.tiles[index]
        left, right = self.a.operand[tile.rows], self.b.operand[tile.columns]
        if left.dtype != block.dtype:
            block = self.buffers.take("product", tile.shape, left.dtype).copy_(block)
        if to_a is not None:
            alpha = weight * self.scale / self.b.factor
            add_product(to_a[tile.rows], block, right.T, alpha=alpha)
        if to_b is not None:
            alpha = weight * self.scale / self.a.factor
            if block.dtype == torch.float32:
                add_product(to_b[tile.columns].T, left.T, block.T, alpha=alpha)
            else:
                add_product(to_b[tile.columns], block.T, left.T, alpha=alpha)

    def _anchor_spans(self) -> list[AnchorSpan]:
        # Both lists of positions ascend, so the anchors of a tile are those of its rows that are
        # also those of its columns: an intersection of two spans.
        in_a, in_b = self.rows.anchors_in_a, self.rows.anchors_in_b
        row_edges = _edges(in_a, [tile.rows for tile in self.tiles])
        column_edges = _edges(in_b, [tile.columns for tile in self.tiles])
        found = []
        for tile, (r0, r1), (c0, c1) in zip(self.tiles, row_edges, column_edges, strict=True):
            anchors = slice(max(r0, c0), max(r0, c0, min(r1, c1)))
            across = in_b[anchors] - tile.columns.start
            places = (in_a[anchors] - tile.rows.start) * tile.shape[1] + across
            found.append(AnchorSpan(anchors, places))
        return found


def _edges(positions: Tensor, cuts: list[slice]) -> list[list[int]]:
    edges = torch.tensor([[cut.start, cut.stop] for cut in cuts], device=positions.device)
    found: list[list[int]] = torch.searchsorted(positions, edges.view(-1, 2)).tolist()
    return found


def _all_or_some(z: Tensor, rows: Tensor) -> Tensor:
    return z if rows.shape[0] == z.shape[0] else z.index_select(0, rows)
