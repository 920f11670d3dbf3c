"""Which pairs of columns an objective compares, and with what weight."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations

from polymodal_core.errors import suggest

from polymodal_losses.errors import ObjectiveError

Pair = tuple[str, str]


def check_pairs(pairs: Mapping[Pair, float] | None) -> dict[Pair, float] | None:
    """Check `pairs` as far as that is possible before any column is known; None means all pairs.

    A pair is unordered: ("text", "image") is ("image", "text"), and naming both is refused. Raises
    ObjectiveError for no mapping or an empty one, a key that is not two different names, a pair
    named twice, and a weight that is negative or not finite.
    """
    if pairs is None:
        return None
    if not isinstance(pairs, Mapping):
        raise ObjectiveError(
            f"pairs is {pairs!r} of type {type(pairs).__name__}; "
            'wanted {("image", "text"): weight}'
        )
    if not pairs:
        raise ObjectiveError("pairs is empty: name at least one pair, or give None for all pairs")
    checked: dict[Pair, float] = {}
    for pair, weight in pairs.items():
        _check_names(pair)
        if pair[::-1] in checked:
            raise ObjectiveError(
                f"pairs names {_shown(pair[::-1])} and {_shown(pair)}: they are one pair; "
                "keep one of them"
            )
        if not (isinstance(weight, int | float) and math.isfinite(weight) and weight >= 0):
            raise ObjectiveError(
                f"the weight of pair {_shown(pair)} is {weight!r}; wanted a finite number >= 0"
            )
        checked[pair] = float(weight)
    return checked


def resolve_pairs(
    columns: Iterable[str],
    pairs: Mapping[Pair, float] | None,
    compare: Collection[Pair] | None = None,
) -> dict[Pair, float]:
    """Give the weight of every pair to compare; all pairs of `columns`, in their order, for None.

    `compare`, pairs in either order, limits them to what may be compared in this batch: after a
    fusion, columns that have not seen each other. None limits nothing. Raises ObjectiveError for a
    column of `pairs` that is not among `columns`, and for fewer than two columns.
    """
    names = list(columns)
    if pairs is None:
        if len(names) < 2:
            raise ObjectiveError(f"got {len(names)} column(s) {names}; a pair needs at least two")
        return _allowed(dict.fromkeys(combinations(names, 2), 1.0), compare)
    for pair in pairs:
        for name in pair:
            if name not in names:
                raise ObjectiveError(
                    f"pair {_shown(pair)} names column '{name}', which has no embeddings"
                    f"{suggest(name, names)}"
                )
    return _allowed(pairs, compare)


def check_one_pair(pairs: Collection[Pair]) -> None:
    """Refuse more than one pair, where an objective compares two columns; raises ObjectiveError."""
    if len(pairs) > 1:
        raise ObjectiveError(
            f"InfoNCE compares one pair; pairs names {len(pairs)}: "
            f"{', '.join(_shown(pair) for pair in pairs)}; keep one, or use PCMC for several"
        )


def _allowed(weights: Mapping[Pair, float], compare: Collection[Pair] | None) -> dict[Pair, float]:
    if compare is None:
        return dict(weights)
    allowed = {frozenset(pair) for pair in compare}
    return {pair: weight for pair, weight in weights.items() if frozenset(pair) in allowed}


def _check_names(pair: Pair) -> None:
    named = isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(n, str) for n in pair)
    if not named:
        raise ObjectiveError(f'{pair!r} is no pair; wanted two column names: ("image", "text")')
    if pair[0] == pair[1]:
        raise ObjectiveError(f"pair {_shown(pair)} compares a column with itself")


def _shown(pair: Pair) -> str:
    return f"({pair[0]}, {pair[1]})"
