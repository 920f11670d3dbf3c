"""Kullback-Leibler divergence between the embeddings of two columns, as Gaussians."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from polymodal_losses.alignment import Alignment
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.pairs import Pair


class KLDivergence(Alignment):
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
        super().__init__(pairs=pairs)
        if not (math.isfinite(floor) and floor > 0):
            raise ObjectiveError(f"floor is {floor}; wanted a variance above 0")
        self.floor, self.symmetric = floor, symmetric

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"floor={self.floor:g}, symmetric={self.symmetric}, pairs={self.pairs}"

    def divergence(self, pair: Pair, x: Tensor, y: Tensor) -> Tensor:
        """Give KL of the Gaussians of x and y; see `gaussian_divergence`."""
        first, second = self._gaussian(x), self._gaussian(y)
        found = gaussian_divergence(*first, *second)
        return (found + gaussian_divergence(*second, *first)) / 2 if self.symmetric else found

    def _gaussian(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return rows.mean(dim=0), rows.var(dim=0, unbiased=False) + self.floor


def gaussian_divergence(mean: Tensor, variance: Tensor, other: Tensor, wider: Tensor) -> Tensor:
    """Give KL of a diagonal Gaussian from another, `mean` and `variance` [dim] of either."""
    ratio = (variance + (mean - other).square()) / wider
    return 0.5 * ((wider / variance).log() + ratio - 1).sum()
