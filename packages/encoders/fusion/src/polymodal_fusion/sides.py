"""The draw of two sides: which columns of a batch see each other, and which are compared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

from polymodal_core.fusion import Exchange, Pair

if TYPE_CHECKING:
    import numpy as np

ExchangeWithin = Literal["sides", "all"]

LEAK = (
    'exchange = "all" lets columns see the tokens of those that they are compared with, so that '
    "they match by a fingerprint and need not learn what they have in common; it serves to show "
    'that, and nothing trained with it is of use: leave it at "sides"'
)


def draw_exchange(
    columns: Sequence[str],
    *,
    within: ExchangeWithin,
    alone: float,
    rng: np.random.Generator,
    pairs: Collection[Pair] | None,
) -> Exchange:
    """Draw the sides of a batch.

    `within="sides"`: each column goes to either of two sides by a fair coin, until neither is
    empty and one of `pairs` (None: all) is apart; columns are compared across the sides alone. In
    a share `alone` of all batches, each column is a side of its own, as in an evaluation of single
    columns. `within="all"` lets every column see every other and compares them all the same, as
    the equation in section 3 of trimodal-fusion is printed.
    """
    if within == "all":
        return Exchange((tuple(columns),))
    if len(columns) < 3 or rng.random() < alone:
        return Exchange.across([(column,) for column in columns])
    while True:
        left = rng.random(len(columns)) < 0.5
        sides = [
            tuple(column for column, is_left in zip(columns, left, strict=True) if is_left == side)
            for side in (left[0], not left[0])
        ]
        exchange = Exchange.across(sides)
        if _compares(exchange, pairs):
            return exchange


def _compares(exchange: Exchange, pairs: Collection[Pair] | None) -> bool:
    compared = {frozenset(pair) for pair in exchange.compare or ()}
    return bool(compared) and (pairs is None or any(frozenset(pair) in compared for pair in pairs))
