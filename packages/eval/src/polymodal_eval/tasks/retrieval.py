"""Retrieval from one column to another."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from polymodal_eval.entries import entries_of
from polymodal_eval.relevance import Rule
from polymodal_eval.results import Measurement, Skipped, TaskResult, collect
from polymodal_eval.tasks.ranked import measure_ranks

if TYPE_CHECKING:
    from polymodal_eval.space import Space


class Retrieval:
    """Rank the items of one column by similarity to each item of another."""

    def __init__(
        self,
        pairs: tuple[tuple[str, str], ...] | None = None,
        *,
        relevance: Rule = "default",
        ks: tuple[int, ...] = (1, 5, 10),
    ) -> None:
        """Choose the pairs of (query, gallery) columns; None means all ordered ones."""
        self.pairs = pairs
        self.relevance: Rule = relevance
        self.ks = ks

    def __call__(self, space: Space) -> TaskResult:
        """Measure every pair; one without a right answer is skipped.

        Raises NotApplicable where no pair is left, UnknownNameError for an unknown column.
        """
        columns = space.embeddings.columns
        pairs = tuple(permutations(columns, 2)) if self.pairs is None else self.pairs
        found = [
            self._measure(space, space.column(query), space.column(gallery))
            for query, gallery in pairs
        ]
        return collect("retrieval", space.split, found)

    def _measure(self, space: Space, query: str, gallery: str) -> Measurement | Skipped:
        sides = (entries_of(space.embeddings, (name,)) for name in (query, gallery))
        found = measure_ranks(space, *sides, rule=self.relevance, ks=self.ks)
        return found if isinstance(found, Skipped) else found[0]
