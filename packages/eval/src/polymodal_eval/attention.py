"""What a fusion looks at in the values of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Features
    from torch import Tensor

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attention:
    """Where the token that becomes a value's embedding looks, in shares of 1.

    `pooled` is the share of the encoder's pooled vector, `tokens` [length] those of its tokens,
    none where it gives none; what is left is read elsewhere, from other columns. `grid` (height,
    width) says that the last height * width tokens are cells, row by row (`Features.grid`).
    """

    pooled: float
    tokens: Floats
    grid: tuple[int, int] | None = None

    @property
    def elsewhere(self) -> float:
        """The share of what is neither pooled vector nor token of the value."""
        return max(0.0, 1.0 - self.pooled - float(self.tokens.sum()))

    @property
    def cells(self) -> Floats | None:
        """The shares of the cells [height, width]; None without a grid."""
        if self.grid is None:
            return None
        return self.tokens[len(self.tokens) - self.grid[0] * self.grid[1] :].reshape(self.grid)

    @property
    def spread(self) -> float:
        """How many tokens it is spread over: the exponential of the entropy of their shares."""
        found = self.tokens[self.tokens > 0] / max(float(self.tokens.sum()), 1e-12)
        return float(np.exp(-(found * np.log(found)).sum())) if len(found) else 0.0


def read_attention(maps: Tensor, features: Features) -> list[Attention]:
    """Read a column's `Fused.attention` [present, ...]: means over blocks and heads.

    Padding is left out; cells of a grid stay, masked or not.
    """
    shares = maps[:, :, :, -1].double().mean(dim=(1, 2)).cpu().numpy()
    found = []
    for number, row in enumerate(shares):
        tokens = row[1:]
        if features.grid is None and features.mask is not None:
            tokens = tokens[features.mask[number].cpu().numpy()]
        found.append(Attention(float(row[0]), tokens, features.grid))
    return found
