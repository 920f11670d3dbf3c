"""Kullback-Leibler divergence between the embeddings of two columns, as Gaussians."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from torch import Tensor, nn

from polymodal_losses.alignment import align
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.inputs import check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair, check_pairs, resolve_pairs


class KLDivergence(nn.Module):
    """Kullback-Leibler divergence between Gaussians fitted to columns, summed over pairs.

    Embeddings of a column in a batch are described by their mean and their variance in every
    dimension, `floor` added to it (cross-modal-transfer, 5.1, names the divergence and no form of
    the distributions). KL(a || b) = 1/2 sum over dimensions of log(v_b / v_a) + (v_a + (m_a -
    m_b)^2) / v_b - 1; the pair's loss is the mean of both directions, or that from the first column
    to the second where not `symmetric`. A column needs two rows, else the pair counts 0. Rows need
    not be paired. `pairs` as in PCMC. Raises ObjectiveError.
    """

    def __init__(
        self,
        *,
        floor: float = 1e-3,
        symmetric: bool = True,
        pairs: Mapping[Pair, float] | None = None,
    ) -> None:
        """Check the options."""
        super().__init__()
        if not (math.isfinite(floor) and floor > 0):
            raise ObjectiveError(f"floor is {floor}; wanted a variance above 0")
        self.floor, self.symmetric = floor, symmetric
        self.pairs = check_pairs(pairs)

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
        return align(inputs, weights, lambda _, x, y: self._divergence(x, y))

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"floor={self.floor:g}, symmetric={self.symmetric}, pairs={self.pairs}"

    def _divergence(self, x: Tensor, y: Tensor) -> Tensor:
        first, second = self._gaussian(x), self._gaussian(y)
        found = gaussian_divergence(*first, *second)
        return (found + gaussian_divergence(*second, *first)) / 2 if self.symmetric else found

    def _gaussian(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return rows.mean(dim=0), rows.var(dim=0, unbiased=False) + self.floor


def gaussian_divergence(mean: Tensor, variance: Tensor, other: Tensor, wider: Tensor) -> Tensor:
    """Give KL of a diagonal Gaussian from another, `mean` and `variance` [dim] of either."""
    ratio = (variance + (mean - other).square()) / wider
    return 0.5 * ((wider / variance).log() + ratio - 1).sum()
