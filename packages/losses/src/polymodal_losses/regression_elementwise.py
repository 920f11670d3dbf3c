"""PCMR's elementwise form at any batch: one sweep over tiles, gradients formed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from polymodal_losses.formed_gradients import with_formed_gradients
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.pairs import Pair
from polymodal_losses.target import Target
from polymodal_losses.tile_product import add_product, product
from polymodal_losses.tiles import Tile, TileBuffers, TileShape, tile_shape, tiles


def elementwise_regression(
    inputs: PairwiseInputs,
    target: Target,
    *,
    weights: Mapping[Pair, float],
    rho: float,
    shape: TileShape | None = None,
) -> tuple[Tensor, dict[Pair, Tensor]]:
    """Compute PCMR's `elementwise` total and parts; not differentiable twice.

    Three products a pair, memory O(batch * dim) and a few tiles. A tile of T serves all pairs.
    """
    sums: dict[Pair, Tensor] = {}

    def compute(wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
        columns = inputs.with_zeros()
        gradients = {
            column: torch.zeros_like(z) if wants else None
            for (column, z), wants in zip(columns.items(), wanted, strict=True)
        }
        sweep = _Sweep(inputs, columns, gradients, rho)
        cut = shape or tile_shape(inputs.batch, inputs.batch, device=inputs.device)
        buffers = TileBuffers(cut, inputs.device)
        zero = torch.zeros((), dtype=torch.float64, device=inputs.device)
        sums.update(dict.fromkeys(weights, zero))
        for tile in tiles(inputs.batch, inputs.batch, cut):
            block = target.tile(tile, buffers.take("target", tile.shape, inputs.dtype))
            for pair, weight in weights.items():
                sums[pair] = sums[pair] + sweep.add(pair, tile, block, buffers, weight)
        total = sum((weight * sums[pair] for pair, weight in weights.items()), zero)
        return total.to(inputs.dtype), list(gradients.values())

    total = with_formed_gradients(compute, list(inputs.embeddings.values()))
    return total, {pair: part.to(inputs.dtype) for pair, part in sums.items()}


class _Sweep:
    def __init__(
        self,
        inputs: PairwiseInputs,
        columns: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor | None],
        rho: float,
    ) -> None:
        self._columns, self._gradients, self._rho = columns, gradients, rho
        self._masks = {
            column: None if bool(rows.all()) else rows.to(inputs.device, inputs.dtype)
            for column, rows in inputs.present.items()
        }

    def add(
        self, pair: Pair, tile: Tile, target: Tensor, buffers: TileBuffers, weight: float
    ) -> Tensor:
        """Give a tile's share of a pair's sum, and add what it means for the vectors."""
        a, b = pair
        left, right = self._columns[a][tile.rows], self._columns[b][tile.columns]
        difference = buffers.take("difference", tile.shape, target.dtype)
        difference = product(left, right, out=difference).sub_(target)
        mask_a, mask_b = self._masks[a], self._masks[b]
        if mask_a is not None:
            difference.mul_(mask_a[tile.rows, None])
        if mask_b is not None:
            difference.mul_(mask_b[None, tile.columns])
        slope = buffers.take("slope", tile.shape, target.dtype)
        torch.abs(difference, out=slope)
        if self._rho != 1:
            slope.pow_(self._rho)
        slope.mul_(difference)  # |d|^(1 + rho) with the sign of d
        to_a, to_b = self._gradients[a], self._gradients[b]
        share = weight * (2 + self._rho)
        if to_a is not None:
            add_product(to_a[tile.rows], slope, right.T, alpha=share)
        if to_b is not None:
            add_product(to_b[tile.columns].T, left.T, slope.T, alpha=share)
        return slope.mul_(difference).sum().double()
