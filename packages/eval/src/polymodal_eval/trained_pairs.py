"""Which pairs of columns met in training, and which are aligned without ever having met."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from polymodal_core.table import RowTable

    from polymodal_eval.results import Measurement

Pairs = frozenset[frozenset[str]]
"""Unordered pairs of columns."""

Origin = Literal["trained", "emergent", "mixed"]

TITLES: Mapping[Origin | None, str] = {
    "trained": "trained pairs",
    "mixed": "pairs trained in part",
    "emergent": "emergent pairs, never together in training",
    None: "of one column",
}


def pairs_of_objective(recipe: Mapping[str, Any], columns: Collection[str]) -> Pairs | None:
    """Read the pairs that a recipe's objective has a term for; all pairs where it names none.

    A weight of 0 is no term. None where the recipe has no objective, or one whose `pairs` are
    not understood: the objective's package need not be installed to evaluate.
    """
    objective = recipe.get("objective")
    return _pairs_of(objective, columns) if isinstance(objective, Mapping) else None


def _pairs_of(objective: Mapping[str, Any], columns: Collection[str]) -> Pairs | None:
    parts = objective.get("parts")
    if isinstance(parts, list):  # a sum of objectives, each with pairs of its own
        weighted = [part for part in parts if isinstance(part, Mapping) and part.get("weight") != 0]
        found = [_pairs_of(part, columns) for part in weighted]
        known = [pairs for pairs in found if pairs is not None]
        return frozenset().union(*known) if known and len(known) == len(found) else None
    pairs = objective.get("pairs")
    if pairs is None:
        return frozenset(map(frozenset, combinations(columns, 2)))
    if not isinstance(pairs, list | tuple) or not all(map(_is_pair, pairs)):
        return None
    return frozenset(frozenset(pair[:2]) for pair in pairs if len(pair) == 2 or pair[2] != 0)


def pairs_in_rows(table: RowTable) -> Pairs:
    """Give the pairs of columns that some row of a table holds both of."""
    return frozenset(
        frozenset(pair)
        for pair in combinations(table.items, 2)
        if (table.present(pair[0]) & table.present(pair[1])).any()
    )


def origin_of(measurement: Measurement, trained: Pairs | None) -> Origin | None:
    """Say whether the columns of query and gallery met in training.

    `trained` where each column of the query met each other one of the gallery, `emergent` where
    none did, `mixed` between. None where it is not known, and where there are no two columns.
    """
    sides = product(measurement.query_columns, measurement.gallery_columns)
    pairs = [frozenset(pair) for pair in sides if pair[0] != pair[1]]
    if trained is None or not pairs:
        return None
    met = sum(pair in trained for pair in pairs)
    return "trained" if met == len(pairs) else "mixed" if met else "emergent"


def by_origin(
    measurements: Sequence[Measurement], trained: Pairs | None
) -> list[tuple[str, list[Measurement]]]:
    """Sort measurements into those of trained, mixed and emergent pairs, each with its title.

    Where nothing is emergent all are one group, whose title is empty.
    """
    groups: dict[Origin | None, list[Measurement]] = {origin: [] for origin in TITLES}
    for item in measurements:
        groups[origin_of(item, trained)].append(item)
    if not groups["mixed"] and not groups["emergent"]:
        return [("", list(measurements))] if measurements else []
    return [(TITLES[origin], group) for origin, group in groups.items() if group]


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) in (2, 3)
        and all(isinstance(name, str) for name in pair[:2])
        and pair[0] != pair[1]
        and (len(pair) == 2 or isinstance(pair[2], int | float))
    )
