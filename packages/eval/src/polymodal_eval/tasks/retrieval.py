"""Retrieval from one column to another."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.ranking import TIE, rank_queries
from polymodal_eval.relevance import Rule, relevance_of_columns
from polymodal_eval.results import Measurement, Skipped, TaskResult, collect
from polymodal_eval.tasks.ranked import query_records, rank_estimates

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
        embeddings = space.embeddings
        relevance = relevance_of_columns(embeddings.table, query, gallery, rule=self.relevance)
        ranks = rank_queries(embeddings.vectors[query], embeddings.vectors[gallery], relevance)
        kept = np.flatnonzero(ranks.answerable)
        if not len(kept):
            return Skipped(
                f"{query} → {gallery}",
                f"no {query} of split '{space.split}' has a right answer in {gallery} by "
                f"{relevance.rule}",
            )
        headline = f"r@{self.ks[0]}"
        return Measurement(
            query,
            gallery,
            headline,
            rank_estimates(space, query, ranks, self.ks),
            num_queries=len(kept),
            num_left_out=len(ranks.answerable) - len(kept),
            num_candidates=ranks.num_gallery,
            protocol={"relevance": relevance.rule, "scores": "cosine", "tie": TIE},
            queries=query_records(
                space, query, kept, score=ranks.values(self.ks)[headline], ranks=ranks
            ),
        )
