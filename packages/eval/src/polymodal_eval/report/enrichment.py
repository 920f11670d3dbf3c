"""Enrichment on the page: the heat map, tables by gallery, and what it puts right (Fig. 2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.entries import Entries, combination, entries_of
from polymodal_eval.ranking import rank_queries
from polymodal_eval.relevance import Relevance, relevance_of_entries
from polymodal_eval.report.charts import percent, signed
from polymodal_eval.report.examples import first_found
from polymodal_eval.report.heat_map import Cell, heat_map
from polymodal_eval.report.sections import groups
from polymodal_eval.results import verdict
from polymodal_eval.tasks.enrichment import base_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.relevance import Rule
    from polymodal_eval.report.cards import Cards
    from polymodal_eval.results import Gain, Measurement, TaskResult
    from polymodal_eval.space import Space
    from polymodal_eval.trained_pairs import Pairs

    Integers = NDArray[np.int64]

SHOWN_VARIANTS = 3
"""Combinations of either side whose corrected queries are shown."""


def enrichment_section(
    space: Space, result: TaskResult, cards: Cards, trained: Pairs | None
) -> dict[str, Any]:
    """Lay out an enrichment: counts, heat map, a table for each gallery, corrected queries."""
    measured = result.measurements
    enriched = [item for item in measured if item.gains]
    return {
        "combination": combination(fused=space.embeddings.fuse is not None),
        "combinations": len(measured),
        "enriched": len(enriched),
        "better": sum(verdict(item) == "better" for item in enriched),
        "worse": sum(verdict(item) == "worse" for item in enriched),
        "chart": heat_map(
            [_cell(item) for item in measured], label="heat map of all combinations of columns"
        ),
        "tables": tables(measured, trained),
        "examples": [
            _laid_out(space, item, gain, cards)
            for item, gain in choose_variants(enriched, last=space.embeddings.table.of_classes)
        ],
    }


def tables(measured: Sequence[Measurement], trained: Pairs | None) -> list[dict[str, Any]]:
    """Lay out a table for each gallery of one column, and one for all that combine several."""
    galleries: dict[str, list[Measurement]] = {}
    names = list(dict.fromkeys(name for item in measured for name in item.query_columns))
    for item in sorted(measured, key=lambda item: _place(item.gallery_columns, names)):
        galleries.setdefault(item.gallery, []).append(item)
    found = []
    several: list[dict[str, Any]] = []
    for name, items in galleries.items():
        parts = groups(items, trained)
        if len(items[0].gallery_columns) == 1:
            found.append({"title": f"to {name}", "count": len(items), "groups": parts})
        else:
            several += [
                {**part, "title": ", ".join(filter(None, [f"to {name}", part["title"]]))}
                for part in parts
            ]
    if several:
        count = sum(len(part["lines"]) for part in several)
        found.append({"title": "to several columns", "count": count, "groups": several})
    return found


def _place(columns: Sequence[str], names: Sequence[str]) -> tuple[int, list[int]]:
    places = [names.index(name) if name in names else len(names) for name in columns]
    return len(columns), places


def _cell(measured: Measurement) -> Cell:
    estimate = measured.estimates[measured.headline]
    gains = "".join(
        f"; {signed(gain.difference.value)} over {gain.query} → {gain.gallery}"
        for gain in measured.gains
    )
    return Cell(
        measured.query_columns,
        measured.gallery_columns,
        estimate.value,
        f"{measured.name}: {percent(estimate.value)}{gains}",
        marked=verdict(measured) == "better",
    )


def choose_variants(
    enriched: Sequence[Measurement],
    *,
    most: int = SHOWN_VARIANTS,
    last: Collection[str] = (),
) -> list[tuple[Measurement, Gain]]:
    """Choose the largest gains of one column added to a query, and of one added to a gallery.

    Up to `most` of either, each for another pair of single columns; those of the columns `last`
    only after all others.
    """
    chosen = []
    for side in ("query_columns", "gallery_columns"):
        candidates = [
            (item, gain)
            for item in enriched
            if len(getattr(item, side)) == 2
            and len(item.query_columns) + len(item.gallery_columns) == 3
            for gain in item.gains
            if gain.difference.distinguishable and gain.difference.value > 0
        ]
        candidates.sort(
            key=lambda pair: (
                pair[1].query in last or pair[1].gallery in last,
                -pair[1].difference.value,
            )
        )
        first: dict[tuple[str, str], tuple[Measurement, Gain]] = {}
        for item, gain in candidates:
            first.setdefault((gain.query, gain.gallery), (item, gain))
        chosen += list(first.values())[:most]
    return chosen


@dataclass(frozen=True)
class Correction:
    """A query that one column answers wrongly and the combination rightly.

    `query` is its entry; `before` and `after` are the entries found first, in the base's gallery
    and in the combination's; `right` is a right answer in the base's gallery.
    """

    query: int
    before: int
    after: int
    right: int


@dataclass(frozen=True)
class Corrections:
    """What a combination puts right and what it spoils, in counts, and some corrected queries."""

    queries: Entries
    base_gallery: Entries
    gallery: Entries
    corrected: int
    spoiled: int
    shown: tuple[Correction, ...]


def corrections(space: Space, measured: Measurement, gain: Gain, *, count: int = 2) -> Corrections:
    """Compare the first answers of a combination with its base's, and draw corrected queries."""
    table = space.embeddings.table
    rule: Rule = measured.protocol["relevance"]
    queries = entries_of(space.embeddings, measured.query_columns)
    gallery = entries_of(space.embeddings, measured.gallery_columns)
    asking, items = base_of(space, queries, gallery, (gain.query, gain.gallery))
    before = relevance_of_entries(table, asking, items, rule=rule)
    after = relevance_of_entries(table, queries, gallery, rule=rule)
    old = rank_queries(asking.vectors, items.vectors, before).best_rank
    new = rank_queries(queries.vectors, gallery.vectors, after).best_rank
    corrected = np.flatnonzero((old > 1) & (new == 1))
    rng = np.random.default_rng([space.seed, len(corrected)])
    drawn = np.sort(rng.choice(corrected, min(count, len(corrected)), replace=False))
    shown = tuple(
        Correction(
            int(number),
            _first(asking, items, before, number),
            _first(queries, gallery, after, number),
            _own(queries, items, before, number),
        )
        for number in drawn
    )
    spoiled = int(((old == 1) & (new > 1)).sum())
    return Corrections(queries, items, gallery, len(corrected), spoiled, shown)


def _first(queries: Entries, gallery: Entries, relevance: Relevance, number: int) -> int:
    right = relevance.of(np.array([number], dtype=np.int64))[1]
    return int(first_found(queries.vectors[number], gallery.vectors, right, count=1)[0])


def _own(queries: Entries, gallery: Entries, relevance: Relevance, number: int) -> int:
    # The right answer of the query's own row, where there is one.
    right = relevance.of(np.array([number], dtype=np.int64))[1]
    beside = gallery.of_row[queries.of_row == number]
    own = beside[np.isin(beside, right)]
    return int(own[0] if len(own) else right[0])


def _differs(found: Corrections, item: Correction, column: str) -> bool:
    # The answer found after may be the very one that would be shown for reference.
    after = found.gallery.items_of(column)[item.after]
    return bool(found.base_gallery.items_of(column)[item.right] != after)


def _laid_out(space: Space, measured: Measurement, gain: Gain, cards: Cards) -> dict[str, Any]:
    found = corrections(space, measured, gain)

    def shown(entries: Entries, number: int, first: str) -> list[dict[str, Any]]:
        columns = sorted(entries.columns, key=lambda name: name != first)
        numbers = space.embeddings.item_numbers
        return [cards(name, int(numbers[name][entries.items_of(name)[number]])) for name in columns]

    return {
        "name": measured.name,
        "base": f"{gain.query} → {gain.gallery}",
        "query": gain.query,
        "gain": gain,
        "value": measured.estimates[measured.headline].value,
        "metric": measured.headline,
        "num_queries": measured.num_queries,
        "corrected": found.corrected,
        "spoiled": found.spoiled,
        "examples": [
            {
                "query": shown(found.queries, item.query, gain.query),
                "before": shown(found.base_gallery, item.before, gain.gallery),
                "after": shown(found.gallery, item.after, gain.gallery),
                "right": shown(found.base_gallery, item.right, gain.gallery)
                if _differs(found, item, gain.gallery)
                else [],
            }
            for item in found.shown
        ],
    }
