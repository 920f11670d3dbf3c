"""Robustness: retrieval by queries that are damaged, and without one of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import UnknownNameError, suggest

from polymodal_eval.entries import Entries, entries_of, joined, without
from polymodal_eval.relevance import Rule
from polymodal_eval.results import Measurement, Skipped, TaskResult, collect
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.ranked import mean_estimates, measure_ranks
from polymodal_eval.tasks.removal import lost_entries

if TYPE_CHECKING:
    from polymodal_eval.ranking import QueryRanks
    from polymodal_eval.space import Space

Sides = tuple[tuple[str, ...], tuple[str, ...]]
"""The columns of a query and those of a gallery."""

CLEAN = "clean"
"""What `details["corruption"]` says of queries that are not damaged."""

REMOVED = "removed"
"""What it says where a share of a column's items is taken away."""


class Robustness:
    """Rank a gallery for damaged queries, and where columns of a combination are missing."""

    def __init__(
        self,
        pairs: tuple[Sides, ...] | None = None,
        *,
        corruptions: tuple[str, ...] | None = None,
        severities: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0),
        removal: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0),
        relevance: Rule = "default",
        ks: tuple[int, ...] = (1, 5, 10),
    ) -> None:
        """Choose pairs of (query, gallery), corruptions by name, severities and shares in 0..1.

        Without `pairs`, single columns are damaged, in all ordered pairs, and columns are removed
        from queries of all columns but the gallery's. None is all corruptions that the queries'
        modalities have.
        """
        self.pairs = pairs
        self.corruptions = corruptions
        self.severities = severities
        self.removal = removal
        self.relevance: Rule = relevance
        self.ks = ks

    def __call__(self, space: Space) -> TaskResult:
        """Measure every pair as it is, then under each corruption, then without each column.

        A line's `details` hold `corruption` and its `column`, `severity` (of a removal, the share
        of the column's items that are gone), and what is `lost`: the headline of the same queries
        undamaged, less the line's, with a paired interval. Raises NotApplicable where nothing can
        be measured, UnknownNameError for an unknown column or corruption.
        """
        plan = self._plan(space)
        self._check_names(
            space, list(dict.fromkeys(name for item in plan for name in item.damaged))
        )
        found: list[Measurement | Skipped] = []
        curves: list[_Curve] = []
        for item in plan:
            begun = self._start(space, item)
            curves += [begun] if isinstance(begun, _Curve) else []
            found += [begun] if isinstance(begun, Skipped) else []
        for name in dict.fromkeys(name for curve in curves for name in curve.plan.damaged):
            self._damage(space, name, [item for item in curves if name in item.plan.damaged])
        for curve in curves:
            self._remove(space, curve)
        if self.removal and not any(item.removed for item in plan):
            reason = (
                "no side combines columns"
                if self.pairs
                else "it takes three columns whose items do not stand for classes"
            )
            found.append(Skipped("removal of a column", reason))
        lines = [line for curve in curves for line in curve.lines]
        return collect("robustness", space.split, [*lines, *dict.fromkeys(found)])

    def _plan(self, space: Space) -> list[_Plan]:
        columns = space.embeddings.columns
        if self.pairs is not None:
            return [
                _Plan(
                    tuple(space.column(name) for name in query),
                    tuple(space.column(name) for name in gallery),
                    damaged=query if self._corrupts else (),
                    removed=_removable(query, gallery) if self.removal else (),
                )
                for query, gallery in self.pairs
            ]
        plan = [
            _Plan((query,), (gallery,), damaged=(query,))
            for query, gallery in (permutations(columns, 2) if self._corrupts else ())
        ]
        known = [name for name in columns if name not in space.embeddings.table.of_classes]
        if self.removal and len(known) > 2:
            for gallery in known:
                query = tuple(name for name in known if name != gallery)
                plan.append(_Plan(query, (gallery,), removed=query))
        return plan

    @property
    def _corrupts(self) -> bool:
        return self.corruptions is None or bool(self.corruptions)

    def _check_names(self, space: Space, queries: list[str]) -> None:
        known = {name for query in queries for name in space.corruptions.get(query, ())}
        for name in self.corruptions or ():
            if name not in known:
                raise UnknownNameError(
                    f"no column of {', '.join(queries)} has a corruption '{name}'"
                    f"{suggest(name, known)}"
                )

    def _names(self, space: Space, column: str) -> list[str]:
        found = space.corruptions.get(column, ())
        return [name for name in found if self.corruptions is None or name in self.corruptions]

    def _start(self, space: Space, plan: _Plan) -> _Curve | Skipped:
        if not plan.removed:
            if not any(self._names(space, column) for column in plan.damaged):
                names = joined(plan.damaged or plan.query)
                reason = (
                    f"the modality of '{names}' has none of the corruptions"
                    if plan.damaged
                    else "no side combines columns, and there are no corruptions"
                )
                return Skipped(names, reason)
            if space.corrupted is None:
                reason = "there are no stored values to damage, only their embeddings"
                return Skipped(joined(plan.query), reason)
        queries, gallery = (entries_of(space.embeddings, part) for part in plan.sides)
        for side in (queries, gallery):
            if not len(side):
                reason = f"no row of split '{space.split}' has {' and '.join(side.columns)}"
                return Skipped(f"{queries.name} → {gallery.name}", reason)
        found = measure_ranks(space, queries, gallery, rule=self.relevance, ks=self.ks)
        if isinstance(found, Skipped):
            return found
        return _Curve(space, plan, queries, gallery, self.relevance, self.ks, *found)

    def _damage(self, space: Space, column: str, curves: list[_Curve]) -> None:
        if space.corrupted is None:
            return
        for name in self._names(space, column):
            for severity in self.severities:
                # Damaged items are embedded once for all that ask by them.
                damaged = space.corrupted(column, name, severity)
                for curve in curves:
                    queries = entries_of(damaged, curve.plan.query)
                    details = {"corruption": name, "column": column, "severity": severity}
                    several = f"{column} " if len(queries.columns) > 1 else ""
                    curve.add(queries, curve.gallery, details, f"{several}{name} {severity:g}")

    def _remove(self, space: Space, curve: _Curve) -> None:
        for column in curve.plan.removed:
            for share in self.removal:
                queries, gallery = (
                    without(
                        space.embeddings, side, column, lost_entries(space, side, column, share)
                    )
                    if column in side.columns
                    else side
                    for side in (curve.queries, curve.gallery)
                )
                details = {"corruption": REMOVED, "column": column, "severity": share}
                curve.add(queries, gallery, details, f"without {column} in {100 * share:g} %")


@dataclass(frozen=True)
class _Plan:
    """A pair of sides; which columns of the query are damaged, and which of either removed."""

    query: tuple[str, ...]
    gallery: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def sides(self) -> Iterator[tuple[str, ...]]:
        """Query and gallery."""
        return iter((self.query, self.gallery))


class _Curve:
    """The lines of one pair of sides: clean first, then damaged ever more."""

    def __init__(
        self,
        space: Space,
        plan: _Plan,
        queries: Entries,
        gallery: Entries,
        rule: Rule,
        ks: tuple[int, ...],
        clean: Measurement,
        ranks: QueryRanks,
    ) -> None:
        self.plan, self.queries, self.gallery = plan, queries, gallery
        fused = {"fused": True} if queries.fused or gallery.fused else {}
        self.lines = [replace(clean, details={"corruption": CLEAN, "severity": 0.0, **fused})]
        self._space, self._rule, self._ks = space, rule, ks
        self._scores = ranks.values(ks)[clean.headline]

    def add(self, queries: Entries, gallery: Entries, details: dict[str, Any], what: str) -> None:
        """Measure damaged entries, and what is lost."""
        found = measure_ranks(self._space, queries, gallery, rule=self._rule, ks=self._ks)
        # Relevance looks at rows alone, and these are the clean entries' rows.
        assert not isinstance(found, Skipped)
        measured, ranks = found
        assert measured.queries is not None
        lost = self._scores - ranks.values(self._ks)[measured.headline]
        estimate = mean_estimates(self._space, {"lost": lost}, measured.queries.cluster, {})["lost"]
        removed_there = details["corruption"] == REMOVED and details["column"] in gallery.columns
        self.lines.append(
            replace(
                measured,
                query=measured.query if removed_there else f"{measured.query} ({what})",
                gallery=f"{measured.gallery} ({what})" if removed_there else measured.gallery,
                details={**self.lines[0].details, **details, "lost": _plain(estimate)},
            )
        )


def _removable(query: tuple[str, ...], gallery: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for side in (query, gallery) if len(side) > 1 for name in side)


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
