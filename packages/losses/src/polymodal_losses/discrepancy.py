"""Maximum Mean Discrepancy between the embeddings of two columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from polymodal_losses.alignment import Alignment
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.pairs import Pair

SMALLEST = 1e-6
"""Bandwidths stay above this where all embeddings are one point."""


class MMD(Alignment):
    """Squared Maximum Mean Discrepancy of pairs of columns, summed (Gretton et al. 2012, Eq. 3).

    The unbiased estimate: for x of the rows that have a and y of those that have b, the mean over
    i != j of k(x_i, x_j), plus that of y, less twice the mean over all i, j of k(x_i, y_j); it may
    be below 0. k is the mean over `scales` s of exp(-|x - y|^2 / (2 (s m)^2)), and m the median of
    the distances between different rows of x and y together (the median heuristic), which takes
    no gradient. A column needs two rows, else the pair counts 0. Rows need not be paired. Stores
    matrices [rows, rows]. `pairs` as in PCMC. Raises ObjectiveError.
    """

    def __init__(
        self,
        scales: Sequence[float] = (0.5, 1.0, 2.0),
        *,
        pairs: Mapping[Pair, float] | None = None,
    ) -> None:
        """Check the options."""
        super().__init__(pairs=pairs)
        if not scales or not all(0 < scale < float("inf") for scale in scales):
            raise ObjectiveError(f"scales is {list(scales)}; wanted one or more numbers above 0")
        self.scales = tuple(scales)

    def divergence(self, pair: Pair, x: Tensor, y: Tensor) -> Tensor:
        """Estimate the squared discrepancy; see `squared_mmd`."""
        return squared_mmd(x, y, self.scales)

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"scales={self.scales}, pairs={self.pairs}"


def squared_mmd(x: Tensor, y: Tensor, scales: Sequence[float]) -> Tensor:
    """Estimate the squared discrepancy of x [rows, dim] and y [others, dim]; see `MMD`."""
    m, n = len(x), len(y)
    both = torch.cat([x, y])
    squared = _squared_distances(both)
    upper = torch.triu_indices(m + n, m + n, offset=1, device=x.device)
    median = squared.detach()[upper[0], upper[1]].sqrt().median().clamp(min=SMALLEST)
    kernel = torch.stack([(-squared / (2 * (s * median) ** 2)).exp() for s in scales]).mean(dim=0)
    within_x = (kernel[:m, :m].sum() - kernel[:m, :m].diagonal().sum()) / (m * (m - 1))
    within_y = (kernel[m:, m:].sum() - kernel[m:, m:].diagonal().sum()) / (n * (n - 1))
    return within_x + within_y - 2 * kernel[:m, m:].mean()


def _squared_distances(rows: Tensor) -> Tensor:
    # Of unit vectors and others alike; by differences, since products cancel for near rows.
    return (rows[:, None] - rows[None]).square().sum(dim=2)
