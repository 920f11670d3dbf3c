"""What a fusion plug-in provides: a module over the token sequences of several columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from polymodal_core.batch import Features

Pair = tuple[str, str]


@dataclass(frozen=True)
class Exchange:
    """How a batch is fused: columns exchange tokens within one of the `sides`, never across.

    `compare` names the pairs of columns whose embeddings a loss may compare, in either order; None
    means all of them. What two sides hold has to be disjoint wherever their embeddings are
    compared: a column that has seen the other's tokens carries their fingerprint, and finds its
    partner without having learned anything about what the two have in common.
    """

    sides: tuple[tuple[str, ...], ...]
    compare: frozenset[Pair] | None = None

    @classmethod
    def across(cls, sides: Sequence[Sequence[str]]) -> Exchange:
        """Compare each column with those of the other sides alone."""
        pairs = (
            (a, b) for one, other in combinations(sides, 2) for a in one for b in other if a != b
        )
        return cls(tuple(tuple(side) for side in sides), frozenset(pairs))

    def compares_within(self, columns: Collection[str]) -> bool:
        """Say whether any two of these columns are compared with each other."""
        return any(
            self.compare is None or (a, b) in self.compare or (b, a) in self.compare
            for a, b in combinations(columns, 2)
        )


@dataclass(frozen=True)
class Fused:
    """What a fusion makes of the columns of one side.

    `features[column]` [present, feature_dim]. `weights[column]` [present], where the fusion has
    them, say how much each column of a row counts. `attention[column]` [present, layers, heads,
    queries, length], where it was asked for and there is any, says how shared blocks look at the
    column's pooled vector (first) and tokens. The last of `queries` is the token that becomes the
    column's features; what is left to 1 it reads elsewhere. `tokens[column]` [present, length,
    feature_dim], where the kind gives any, are the column's tokens after the exchange, in the order
    of `Features.tokens`.
    """

    features: Mapping[str, Tensor]
    weights: Mapping[str, Tensor] | None = None
    attention: Mapping[str, Tensor] | None = None
    tokens: Mapping[str, Tensor] | None = None


class Fusion(Protocol):
    """Lets columns of a row exchange what they hold; an `nn.Module` with a `feature_dim`.

    One that reads pooled vectors alone may say so by `reads_tokens = False`: cached features then
    keep no tokens for it.
    """

    feature_dim: int

    def draw(
        self,
        columns: Sequence[str],
        *,
        rng: np.random.Generator,
        pairs: Collection[Pair] | None,
    ) -> Exchange:
        """Draw how a training batch is fused; `pairs` are those that the objective compares."""
        ...

    def __call__(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor],
        *,
        size: int,
        attention: bool = False,
    ) -> Fused:
        """Fuse the columns given, and no others.

        `rows[column]` [present] are the rows, of `size` in all, that the features of a column
        belong to. A column that a row lacks contributes nothing to it. `attention` asks for
        `Fused.attention`, where the kind has any.
        """
        ...
