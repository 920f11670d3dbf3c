"""All pairs of an objective in one sweep each over tiles, with the gradients of what it compares.

The design is that of fused cross-entropies: the gradients are formed in the forward pass, while the
tiles are at hand, and backward scales them. Memory is O(batch * dim) and a few tiles, whatever the
number of pairs; none of [batch, batch] is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polymodal_losses.form import MatmulDtype
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.pair_rows import pair_rows, take_rows
from polymodal_losses.pair_tiles import LOG2_E, PackedColumn, PairTiles
from polymodal_losses.pairs import Pair
from polymodal_losses.tiles import TileBuffers, TileShape, tile_shape

ScorePair = Callable[[PairTiles, Tensor | None, Tensor | None, float], Tensor]
"""Gives the loss of a pair, and adds `weight` times its gradients to those of both columns."""


@dataclass(frozen=True)
class TiledOptions:
    """How products are computed; None takes the embeddings' own dtype, and tiles that fit."""

    matmul_dtype: MatmulDtype | None = None
    shape: TileShape | None = None


class PairSweep:
    """Scores pairs that `score` knows by their tiles; `parts` and `anchors` are what it leaves."""

    def __init__(
        self,
        inputs: PairwiseInputs,
        weights: Mapping[Pair, float],
        score: ScorePair,
        options: TiledOptions,
    ) -> None:
        """Find the rows of every pair."""
        self.inputs, self.weights, self.score, self.options = inputs, weights, score, options
        self.rows = {
            (a, b): pair_rows(inputs.present[a], inputs.present[b], device=inputs.device)
            for a, b in weights
        }
        self.parts: dict[Pair, Tensor] = {}
        self.anchors = {pair: torch.tensor(rows.num_anchors) for pair, rows in self.rows.items()}

    def run(
        self, logit_scale: Tensor, wanted: Sequence[bool]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Give the weighted sum over pairs, and gradients of the scale and of every column.

        `wanted` says which of these are asked for; the others are None.
        """
        inputs = self.inputs
        scale = float(logit_scale)
        packed = {column: self._packed(column, scale) for column in inputs.embeddings}
        # The scale's gradient is read off the vectors' gradients, so it needs all of them.
        gradients = {
            column: torch.zeros_like(packed[column].z) if wanted[0] or wants else None
            for column, wants in zip(inputs.embeddings, wanted[1:], strict=True)
        }
        total = logit_scale.new_zeros(())
        shape = self.options.shape or tile_shape(inputs.batch, inputs.batch, device=inputs.device)
        buffers = TileBuffers(shape, inputs.device)
        for (a, b), weight in self.weights.items():
            self.parts[a, b] = torch.zeros_like(total)
            if self.rows[a, b].num_anchors > 0:
                tiles = PairTiles(
                    packed[a], packed[b], self.rows[a, b], scale=scale, buffers=buffers
                )
                self.parts[a, b] = self.score(tiles, gradients[a], gradients[b], weight)
                total = total + weight * self.parts[a, b]
        to_scale = _to_scale(packed, gradients, logit_scale) if wanted[0] else None
        given = [
            self._unpacked(column, gradients[column] if wants else None)
            for column, wants in zip(inputs.embeddings, wanted[1:], strict=True)
        ]
        return total, [to_scale, *given]

    def _packed(self, column: str, scale: float) -> PackedColumn:
        rows = self.inputs.rows(column)
        z = take_rows(self.inputs.embeddings[column], rows).contiguous()
        norm = float(torch.linalg.vector_norm(z, dim=1).max()) if len(z) else 0.0
        groups = self.inputs.groups
        operand, factor = z, 1.0
        if self.options.matmul_dtype is not None:
            # With its root in both operands, the scale costs no pass over the products.
            factor = (scale * LOG2_E) ** 0.5
            operand = (z * factor).to(getattr(torch, self.options.matmul_dtype))
        return PackedColumn(
            z=z,
            operand=operand,
            factor=factor,
            norm=norm * (1 + 1e-5),
            groups=None if groups is None else take_rows(groups, rows),
        )

    def _unpacked(self, column: str, gradient: Tensor | None) -> Tensor | None:
        z = self.inputs.embeddings[column]
        if gradient is None or len(gradient) == len(z):
            return gradient
        return torch.zeros_like(z).index_copy_(0, self.inputs.rows(column), gradient)


def _to_scale(
    packed: Mapping[str, PackedColumn],
    gradients: Mapping[str, Tensor | None],
    logit_scale: Tensor,
) -> Tensor:
    # Logits are scale * <a, b>: of degree 1 in the scale, in a and in b alike, so that by Euler
    # scale * d/d(scale) = <a, d/da> for a pair, and the sum over columns counts each pair twice.
    twice = logit_scale.new_zeros(())
    for column, gradient in gradients.items():
        if gradient is not None:
            twice = twice + torch.einsum("pd,pd->p", packed[column].z, gradient).sum()
    return twice / (2 * logit_scale)
