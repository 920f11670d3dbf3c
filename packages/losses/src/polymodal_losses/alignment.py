"""What objectives that align the distributions of columns have in common: a sum over pairs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

from polymodal_losses.inputs import PairwiseInputs, check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair, check_pairs, resolve_pairs

FEWEST = 2
"""A distribution is told from so many rows at least."""


class Alignment(nn.Module):
    """Draws the distributions of pairs of columns together: a `divergence`, summed over pairs.

    A column needs two rows, else the pair counts 0. Rows need not be paired. `pairs` as in PCMC.
    """

    def __init__(self, *, pairs: Mapping[Pair, float] | None = None) -> None:
        """Check the pairs."""
        super().__init__()
        self.pairs = check_pairs(pairs)

    def divergence(self, pair: Pair, x: Tensor, y: Tensor) -> Tensor:
        """Give a scalar for the embeddings [rows, dim] of the rows that have either column."""
        raise NotImplementedError

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] per column; `groups` are of no matter."""
        inputs = check_inputs(embeddings, present=present)
        weights = resolve_pairs(embeddings, self.pairs, compare)
        return align(inputs, weights, self.divergence)


def align(
    inputs: PairwiseInputs,
    weights: Mapping[Pair, float],
    divergence: Callable[[Pair, Tensor, Tensor], Tensor],
) -> LossOutput:
    """Sum a divergence between the embeddings of two columns over weighted pairs.

    `divergence(pair, x, y)` gives a scalar for the embeddings [rows, dim] of the rows that have
    either column. A pair of which a column has fewer than two rows counts 0. Anchors are the rows
    of both columns together. Autocast is off here.
    """
    total = inputs.zero_with_graph()
    parts: dict[Pair, Tensor] = {}
    anchors: dict[Pair, Tensor] = {}
    with torch.autocast(device_type=inputs.device.type, enabled=False):
        for (a, b), weight in weights.items():
            rows = inputs.rows(a), inputs.rows(b)
            parts[a, b] = torch.zeros_like(total, requires_grad=False)
            anchors[a, b] = torch.tensor(0)
            if min(map(len, rows)) < FEWEST:
                continue
            anchors[a, b] = torch.tensor(sum(map(len, rows)))
            x, y = inputs.embeddings[a][rows[0]], inputs.embeddings[b][rows[1]]
            found = divergence((a, b), x, y)
            parts[a, b] = found.detach()
            total = total + weight * found
    return LossOutput(total, parts, anchors)
