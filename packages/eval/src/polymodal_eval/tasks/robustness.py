"""Robustness: retrieval by queries that are damaged, the gallery as it is."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from typing import TYPE_CHECKING

from polymodal_core.errors import UnknownNameError, suggest

from polymodal_eval.entries import Entries, entries_of
from polymodal_eval.relevance import Rule
from polymodal_eval.results import Measurement, NotApplicable, Skipped, TaskResult, collect
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.ranked import mean_estimates, measure_ranks

if TYPE_CHECKING:
    from polymodal_eval.ranking import QueryRanks
    from polymodal_eval.space import Space

CLEAN = "clean"
"""What `details["corruption"]` says of queries that are not damaged."""


class Robustness:
    """Rank the items of one column for damaged items of another, at rising severity."""

    def __init__(
        self,
        pairs: tuple[tuple[str, str], ...] | None = None,
        *,
        corruptions: tuple[str, ...] | None = None,
        severities: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0),
        relevance: Rule = "default",
        ks: tuple[int, ...] = (1, 5, 10),
    ) -> None:
        """Choose pairs of (query, gallery), corruptions by name and severities in 0..1.

        None means all ordered pairs, and all corruptions that the queries' modalities have.
        """
        self.pairs = pairs
        self.corruptions = corruptions
        self.severities = severities
        self.relevance: Rule = relevance
        self.ks = ks

    def __call__(self, space: Space) -> TaskResult:
        """Measure every pair with clean queries, then under each corruption at each severity.

        A line's `details` hold `corruption`, `severity`, and what is `lost`: the headline of the
        same queries undamaged, less the line's, with a paired interval. Raises NotApplicable where
        nothing can be measured, UnknownNameError for an unknown column or corruption.
        """
        columns = space.embeddings.columns
        pairs = tuple(permutations(columns, 2)) if self.pairs is None else self.pairs
        self._check_names(space, [query for query, _ in pairs])
        found: list[Measurement | Skipped] = []
        for query in dict.fromkeys(space.column(query) for query, _ in pairs):
            galleries = [space.column(gallery) for name, gallery in pairs if name == query]
            found += self._measure(space, query, galleries)
        return collect("robustness", space.split, found)

    def _check_names(self, space: Space, queries: list[str]) -> None:
        known = {name for query in queries for name in space.corruptions.get(query, ())}
        for name in self.corruptions or ():
            if name not in known:
                raise UnknownNameError(
                    f"no column of {', '.join(dict.fromkeys(queries))} has a corruption '{name}'"
                    f"{suggest(name, known)}"
                )

    def _measure(
        self, space: Space, query: str, galleries: list[str]
    ) -> list[Measurement | Skipped]:
        wanted = self.corruptions
        names = [
            name for name in space.corruptions.get(query, ()) if wanted is None or name in wanted
        ]
        if not names:
            return [Skipped(query, f"the modality of '{query}' has none of the corruptions")]
        if space.corrupted is None:
            raise NotApplicable("there are no stored values to damage, only their embeddings")
        asked = entries_of(space.embeddings, (query,))
        begun = [self._start(space, asked, gallery) for gallery in galleries]
        curves = [curve for curve in begun if isinstance(curve, _Curve)]
        # Damaged items are embedded once for all galleries.
        for name, severity in product(names if curves else (), self.severities):
            vectors = space.corrupted(query, name, severity)
            damaged = replace(asked, vectors=vectors[asked.items[:, 0]])
            for curve in curves:
                curve.add(damaged, name, severity)
        found: list[Measurement | Skipped] = []
        for item in begun:
            found += item.lines if isinstance(item, _Curve) else [item]
        return found

    def _start(self, space: Space, queries: Entries, gallery: str) -> _Curve | Skipped:
        items = entries_of(space.embeddings, (gallery,))
        found = measure_ranks(space, queries, items, rule=self.relevance, ks=self.ks)
        if isinstance(found, Skipped):
            return found
        return _Curve(space, items, self.relevance, self.ks, *found)


class _Curve:
    """The lines of one pair of columns: clean first, then damaged ever more."""

    def __init__(
        self,
        space: Space,
        gallery: Entries,
        rule: Rule,
        ks: tuple[int, ...],
        clean: Measurement,
        ranks: QueryRanks,
    ) -> None:
        self.lines = [replace(clean, details={"corruption": CLEAN, "severity": 0.0})]
        self._space, self._gallery, self._rule, self._ks = space, gallery, rule, ks
        self._scores = ranks.values(ks)[clean.headline]

    def add(self, queries: Entries, corruption: str, severity: float) -> None:
        """Measure damaged queries, and what they lose."""
        found = measure_ranks(self._space, queries, self._gallery, rule=self._rule, ks=self._ks)
        # Relevance looks at rows alone, and these are the clean queries' rows.
        assert not isinstance(found, Skipped)
        measured, ranks = found
        assert measured.queries is not None
        lost = self._scores - ranks.values(self._ks)[measured.headline]
        estimate = mean_estimates(self._space, {"lost": lost}, measured.queries.cluster, {})["lost"]
        self.lines.append(
            replace(
                measured,
                query=f"{measured.query} ({corruption} {severity:g})",
                details={
                    **measured.details,
                    "corruption": corruption,
                    "severity": severity,
                    "lost": _plain(estimate),
                },
            )
        )


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
