"""PCMR's target where it has no structure: every two rows compared, a tile at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.target import fill_diagonal
from polymodal_losses.tile_product import add_product
from polymodal_losses.tiles import Tile, TileBuffers, TileShape, tile_shape, upper_tiles


class ComparedTarget:
    """Rows match whose products within some column that both have exceed a threshold, in float64.

    Costs a float64 product [batch, batch] for each column every time that it is swept, and for
    `products` another one for each value: O(batch^2 * dim) time, and memory for a tile.
    """

    def __init__(
        self, inputs: PairwiseInputs, threshold: float, *, shape: TileShape | None = None
    ) -> None:
        """Keep the embeddings, and of absent rows nothing."""
        self._columns = [z.detach() for z in inputs.with_zeros().values()]
        self._shape = shape or tile_shape(inputs.batch, inputs.batch, device=inputs.device)
        self._threshold = threshold

    def products(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Multiply T by each of `values` [batch, any], all in one sweep over its upper triangle."""
        totals = [torch.zeros_like(value) for value in values]
        buffers = TileBuffers(self._shape, values[0].device)
        for tile in upper_tiles(len(values[0]), self._shape):
            block = self.tile(tile, buffers.take("target", tile.shape, values[0].dtype))
            # Right of the square on the diagonal, the tile stands for its mirror image as well.
            beyond = min(max(tile.rows.stop - tile.columns.start, 0), tile.shape[1])
            mirrored = slice(tile.columns.start + beyond, tile.columns.stop)
            for total, value in zip(totals, values, strict=True):
                add_product(total[tile.rows], block, value[tile.columns].T, alpha=1.0)
                if mirrored.start < mirrored.stop:
                    rows = value[tile.rows].T
                    add_product(total[mirrored], block[:, beyond:].T, rows, alpha=1.0)
        return totals

    def tile(self, tile: Tile, out: Tensor) -> Tensor:
        """Write a tile of T into `out` [rows, columns] and return it."""
        out.zero_()
        for z in self._columns:
            # Absent rows are zero: their products are not above a threshold of 0 or more.
            cosines = z[tile.rows].double() @ z[tile.columns].double().T
            out.masked_fill_(cosines > self._threshold, 1.0)
        return fill_diagonal(out, tile)
