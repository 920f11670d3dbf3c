"""Enrichment: retrieval where several columns of a row make up the query or the gallery vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product, zip_longest
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from polymodal_eval.entries import Entries, column_sets, entries_of, joined
from polymodal_eval.ranking import QueryRanks, rank_queries
from polymodal_eval.relevance import Rule, chosen_rule, relevance_of_entries
from polymodal_eval.results import (
    Gain,
    Measurement,
    NotApplicable,
    Skipped,
    TaskResult,
    collect,
)
from polymodal_eval.statistics import Estimate, mean_intervals
from polymodal_eval.tasks.ranked import measure_ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]

Sets = tuple[tuple[str, ...], ...] | Literal["all"]
Sides = tuple[tuple[str, ...], tuple[str, ...]]
"""The columns of a query and those of a gallery."""

FULL_COLUMNS = 5
MOST = 180
"""Of up to `FULL_COLUMNS` columns all combinations are measured; these are so many of five."""


class Enrichment:
    """Rank entries of one combination of columns for each entry of another (pcmc-pcmr, 4.4)."""

    def __init__(
        self,
        queries: Sets = "all",
        galleries: Sets = "all",
        *,
        relevance: Rule = "default",
        ks: tuple[int, ...] = (1, 5, 10),
        most: int | None = None,
    ) -> None:
        """Choose combinations for either side, and how many pairs of them to measure."""
        self.queries: Sets = queries
        self.galleries: Sets = galleries
        self.relevance: Rule = relevance
        self.ks = ks
        self.most = most

    def __call__(self, space: Space) -> TaskResult:
        """Measure every pair of disjoint combinations, and what each gains over single columns.

        Raises NotApplicable where no pair combines columns, UnknownNameError for an unknown one.
        """
        sides = self._sides(space)
        if all(len(query) + len(gallery) == 2 for query, gallery in sides):
            raise NotApplicable(
                "enrichment needs a combination of columns on one side and another column on the "
                f"other; split '{space.split}' has {', '.join(space.embeddings.columns)}"
            )
        chosen = self._chosen(sides, len(space.embeddings.columns))
        bases = _Bases(space, self.relevance)
        found: list[Measurement | Skipped] = [
            self._measure(space, query, gallery, bases) for query, gallery in chosen
        ]
        if len(chosen) < len(sides):
            left = len(sides) - len(chosen)
            reason = f"only the {len(chosen)} of fewest columns; most = {len(sides)} measures all"
            found.append(Skipped(f"{left} of {len(sides)} combinations", reason))
        return collect("enrichment", space.split, found)

    def _sides(self, space: Space) -> list[Sides]:
        columns = space.embeddings.columns
        queries, galleries = (
            [tuple(space.column(name) for name in part) for part in given]
            if isinstance(given, tuple)
            else column_sets(columns)
            for given in (self.queries, self.galleries)
        )
        sides = [pair for pair in product(queries, galleries) if not set(pair[0]) & set(pair[1])]
        return _simplest_first(sides)

    def _chosen(self, sides: list[Sides], num_columns: int) -> list[Sides]:
        if self.most is not None:
            return sides[: self.most]
        if num_columns <= FULL_COLUMNS:
            return sides
        chosen: list[Sides] = []
        for size, layer in groupby(sides, key=_num_columns):
            pairs = list(layer)
            if size > 3 and len(chosen) + len(pairs) > MOST:
                break
            chosen += pairs
        return chosen

    def _measure(
        self, space: Space, query: tuple[str, ...], gallery: tuple[str, ...], bases: _Bases
    ) -> Measurement | Skipped:
        queries, items = (entries_of(space.embeddings, part) for part in (query, gallery))
        for side in (queries, items):
            if not len(side):
                return Skipped(
                    f"{joined(query)} → {joined(gallery)}",
                    f"no row of split '{space.split}' has {' and '.join(side.columns)}",
                )
        found = measure_ranks(space, queries, items, rule=self.relevance, ks=self.ks)
        if isinstance(found, Skipped):
            return found
        measured = found[0]
        left_out = {"query": queries.rows_left_out, "gallery": items.rows_left_out}
        fused = {"fused": True} if queries.fused or items.fused else {}
        return replace(
            measured,
            details={"rows_left_out": left_out, **fused},
            gains=_gains(space, measured, bases.of(queries, items)),
        )


@dataclass(frozen=True)
class BaseRanks:
    """The ranks that the queries of a combination have by one column of either side alone."""

    query: str
    gallery: str
    ranks: QueryRanks


def base_of(
    space: Space, queries: Entries, gallery: Entries, columns: tuple[str, str]
) -> tuple[Entries, Entries]:
    """Give both sides with the vectors of one column each, `columns`.

    Queries stay the same entries, with the same right answers; the gallery holds each item of its
    column once, of the rows that the combination is made of. So nothing but the vectors differs.
    """
    query, item = columns
    vectors = space.embeddings.vectors[query][queries.items_of(query)]
    rows = gallery.of_row >= 0
    return replace(queries, vectors=vectors), entries_of(space.embeddings, (item,), rows=rows)


class _Bases:
    """Ranks queries by single columns; where no value is missing, ranks are looked up."""

    def __init__(self, space: Space, rule: Rule) -> None:
        self._space = space
        self._rule = rule
        self._single: dict[tuple[tuple[str, str], Rule], tuple[Any, Any, QueryRanks]] = {}

    def of(self, queries: Entries, gallery: Entries) -> list[BaseRanks]:
        """Rank by every pair of single columns that the sides hold."""
        if len(queries.columns) == len(gallery.columns) == 1:
            return []
        table = self._space.embeddings.table
        rule = chosen_rule(table, queries.columns, gallery.columns, self._rule)
        return [
            BaseRanks(*columns, self._rank(queries, gallery, columns, rule))
            for columns in product(queries.columns, gallery.columns)
            # A class item alone is of no instance.
            if rule != "instance" or not {*columns} & table.of_classes
        ]

    def _rank(
        self, queries: Entries, gallery: Entries, columns: tuple[str, str], rule: Rule
    ) -> QueryRanks:
        table = self._space.embeddings.table
        asking, items = base_of(self._space, queries, gallery, columns)
        relevance = relevance_of_entries(table, asking, items, rule=rule)
        query, single, ranks = self._alone(columns, rule)
        places = queries.items_of(columns[0])
        if _same(relevance.query_keys, query[places]) and _same(relevance.gallery_keys, single):
            return _taken(ranks, places)
        return rank_queries(asking.vectors, items.vectors, relevance)

    def _alone(self, columns: tuple[str, str], rule: Rule) -> tuple[Any, Any, QueryRanks]:
        # Keys of both sides and ranks where all rows take part; most bases are the same.
        if (columns, rule) not in self._single:
            embeddings = self._space.embeddings
            query, gallery = (entries_of(embeddings, (name,)) for name in columns)
            relevance = relevance_of_entries(embeddings.table, query, gallery, rule=rule)
            ranks = rank_queries(query.vectors, gallery.vectors, relevance)
            self._single[columns, rule] = (relevance.query_keys, relevance.gallery_keys, ranks)
        return self._single[columns, rule]


def _gains(space: Space, measured: Measurement, bases: Sequence[BaseRanks]) -> tuple[Gain, ...]:
    if not bases:
        return ()
    assert measured.queries is not None
    k = int(measured.headline.removeprefix("r@"))
    own = measured.queries.score
    values = [base.ranks.values((k,))[measured.headline] for base in bases]
    differences = np.stack([own - value for value in values], axis=1)
    intervals = mean_intervals(
        differences, measured.queries.cluster, resamples=space.resamples, seed=space.seed
    )
    found = []
    for number, (base, value) in enumerate(zip(bases, values, strict=True)):
        low, high = (None, None) if intervals is None else map(float, intervals[number])
        difference = Estimate(float(differences[:, number].mean()), low, high, chance=0.0)
        found.append(Gain(base.query, base.gallery, float(value.mean()), difference))
    return tuple(found)


def _simplest_first(sides: Sequence[Sides]) -> list[Sides]:
    # Of one number of columns in all, queries and galleries are enriched in turn: wherever `most`
    # cuts, it leaves as much of either.
    ordered: list[Sides] = []
    for _, layer in groupby(sorted(sides, key=_num_columns), key=_num_columns):
        shapes: dict[int, list[Sides]] = {}
        for pair in layer:
            shapes.setdefault(len(pair[0]), []).append(pair)
        turns = zip_longest(*shapes.values())
        ordered += [pair for turn in turns for pair in turn if pair is not None]
    return ordered


def _num_columns(sides: Sides) -> int:
    return len(sides[0]) + len(sides[1])


def _same(first: Any, second: Any) -> bool:
    return bool(first.shape == second.shape and (first != second).nnz == 0)


def _taken(ranks: QueryRanks, places: Integers) -> QueryRanks:
    return replace(
        ranks,
        best_rank=ranks.best_rank[places],
        hits=ranks.hits[places],
        num_relevant=ranks.num_relevant[places],
        average_precision=ranks.average_precision[places],
    )
