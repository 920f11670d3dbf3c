"""What all kinds of fusion have in common: which columns may see each other."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError, suggest
from polymodal_core.fusion import Exchange, Fused, Pair
from torch import Tensor, nn

from polymodal_fusion.sides import LEAK, ExchangeWithin, draw_exchange

if TYPE_CHECKING:
    import numpy as np


class SideFusion(nn.Module):
    """Fuse the columns of one side; subclasses say how, in `fuse_together`.

    `feature_dims[column]` are the widths of the columns' features; `feature_dim` is that of what
    comes out. `fused` names the columns that exchange at all: the others are seen alone. Warns of
    `exchange="all"`. Raises PolymodalError for an unknown column.
    """

    reads_tokens: bool = True

    def __init__(
        self,
        feature_dims: Mapping[str, int],
        *,
        feature_dim: int,
        exchange: ExchangeWithin = "sides",
        alone: float = 0.5,
        fused: Collection[str] | None = None,
    ) -> None:
        """Check the options."""
        super().__init__()
        for column in fused or ():
            if column not in feature_dims:
                raise PolymodalError(
                    f"fusion.columns: there is no column '{column}'{suggest(column, feature_dims)}"
                )
        if exchange == "all":
            warnings.warn(LEAK, stacklevel=3)
        self.place = {column: number for number, column in enumerate(feature_dims)}
        self.feature_dims = dict(feature_dims)
        self.feature_dim = feature_dim
        self.exchange: ExchangeWithin = exchange
        self.alone = alone
        self.fused = frozenset(feature_dims if fused is None else fused)

    def draw(
        self,
        columns: Sequence[str],
        *,
        rng: np.random.Generator,
        pairs: Collection[Pair] | None = None,
    ) -> Exchange:
        """Draw the sides of a batch (`draw_exchange`)."""
        return draw_exchange(columns, within=self.exchange, alone=self.alone, rng=rng, pairs=pairs)

    def forward(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor],
        *,
        size: int,
        attention: bool = False,
    ) -> Fused:
        """Fuse the columns given: `Fused.features[column]` [present, feature_dim].

        `rows[column]` [present] are places among `size` rows. `attention` asks for the maps of the
        shared blocks, where the kind has any.
        """
        parts = self._parts(features)
        if len(parts) == 1:
            return self.fuse_together(features, rows, size=size, attention=attention)
        found: list[Fused] = [
            self.fuse_together(
                {column: features[column] for column in part}, rows, size=size, attention=attention
            )
            for part in parts
        ]
        return Fused(
            _merged(item.features for item in found),
            _merged(item.weights for item in found) or None,
            _merged(item.attention for item in found) or None,
            _merged(item.tokens for item in found) or None,
        )

    def fuse_together(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor],
        *,
        size: int,
        attention: bool,
    ) -> Fused:
        """Fuse columns that all see each other."""
        raise NotImplementedError

    def operations(self, lengths: Mapping[str, int]) -> int:
        """Count the multiply-adds of one row whose columns have so many tokens.

        Length 0 is a column without tokens, of which the pooled vector is the only one. All
        columns are on one side, which is the most that there is to do.
        """
        return sum(
            self.operations_together({column: lengths[column] for column in part})
            for part in self._parts(lengths)
        )

    def operations_together(self, lengths: Mapping[str, int]) -> int:
        """Count them for columns that all see each other."""
        raise NotImplementedError

    def _parts(self, columns: Collection[str]) -> list[list[str]]:
        # In the order of the model, whatever order they are named in.
        ordered = sorted(columns, key=self.place.__getitem__)
        together = [column for column in ordered if column in self.fused]
        alone = [[column] for column in ordered if column not in self.fused]
        return [together, *alone] if together else alone


def _merged(parts: Iterable[Mapping[str, Tensor] | None]) -> dict[str, Tensor]:
    return {column: value for part in parts for column, value in (part or {}).items()}
