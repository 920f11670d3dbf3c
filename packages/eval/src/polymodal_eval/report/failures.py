"""Failures: the wrong matches that a model is surest of, beside what would have been right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.ranking import TIE, unit_vectors
from polymodal_eval.relevance import relevance_of_columns
from polymodal_eval.report.examples import MOST_PAIRS, choose_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.relevance import Relevance, Rule
    from polymodal_eval.report.cards import Cards
    from polymodal_eval.results import Measurement
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

SHOWN = 4
AT_ONCE = 1 << 22
"""Scores that are held at once."""


@dataclass(frozen=True)
class Failure:
    """A query whose first answer is wrong; items are numbers in the store, scores are cosines.

    `wrong` is the irrelevant item with the highest score, `right` the right answer with the
    highest, which stands at `rank`.
    """

    query: int
    wrong: int
    wrong_score: float
    right: int
    right_score: float
    rank: int

    @property
    def margin(self) -> float:
        """By how much the wrong item beats the right one."""
        return self.wrong_score - self.right_score


@dataclass(frozen=True)
class PairFailures:
    """The surest failures of an ordered pair of columns, out of `count` failures in all."""

    query: str
    gallery: str
    count: int
    shown: tuple[Failure, ...]


def surest_failures(space: Space, measured: Measurement, *, most: int = SHOWN) -> PairFailures:
    """Find the failures of a measured pair with the largest margins.

    Each wrong item, each right one and each query's instance is shown once at the most, so that one
    item that is near everything does not fill the gallery.
    """
    query, gallery = measured.query, measured.gallery
    embeddings, items = space.embeddings, space.embeddings.item_numbers
    rule: Rule = measured.protocol["relevance"]
    relevance = relevance_of_columns(embeddings.table, query, gallery, rule=rule)
    queries = measured.queries
    assert queries is not None
    assert queries.rank is not None
    failed = np.flatnonzero(queries.rank > 1)
    places = np.searchsorted(items[query], queries.item[failed])
    wrong, right, scores = _nearest(
        embeddings.vectors[query], embeddings.vectors[gallery], relevance, places
    )
    shown: list[Failure] = []
    taken: set[tuple[str, int]] = set()
    for number in np.argsort(scores[:, 1] - scores[:, 0], kind="stable"):
        found = failed[number]
        instance = int(queries.instance[found])
        keys = {
            ("wrong", int(wrong[number])),
            ("right", int(right[number])),
            ("query", instance if instance >= 0 else -2 - int(queries.item[found])),
        }
        if keys & taken:
            continue
        taken |= keys
        shown.append(
            Failure(
                query=int(queries.item[found]),
                wrong=int(items[gallery][wrong[number]]),
                wrong_score=float(scores[number, 0]),
                right=int(items[gallery][right[number]]),
                right_score=float(scores[number, 1]),
                rank=int(queries.rank[found]),
            )
        )
        if len(shown) == most:
            break
    return PairFailures(query, gallery, len(failed), tuple(shown))


def failure_groups(
    space: Space, measured: Sequence[Measurement], cards: Cards
) -> list[dict[str, Any]]:
    """Lay out the surest failures of measured pairs by their query column."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for pair in choose_pairs(measured, most=MOST_PAIRS):
        found = surest_failures(space, pair)
        if found.shown:
            groups.setdefault(found.query, []).append(
                {
                    "gallery": found.gallery,
                    "count": found.count,
                    "queries": pair.num_queries,
                    "candidates": pair.num_candidates,
                    "failures": [
                        {
                            "query": cards(found.query, item.query),
                            "wrong": cards(found.gallery, item.wrong),
                            "wrong_score": item.wrong_score,
                            "right": cards(found.gallery, item.right),
                            "right_score": item.right_score,
                            "rank": item.rank,
                            "margin": item.margin,
                        }
                        for item in found.shown
                    ],
                }
            )
    return [{"query": query, "pairs": pairs} for query, pairs in groups.items()]


def _nearest(
    queries: Any, gallery: Any, relevance: Relevance, places: Integers
) -> tuple[Integers, Integers, Floats]:
    # For the queries at `places`: the best irrelevant item, the best relevant one, both scores.
    items = unit_vectors("gallery", gallery).double().numpy()
    wrong = np.zeros(len(places), np.int64)
    right = np.zeros(len(places), np.int64)
    scores = np.zeros((len(places), 2))
    size = max(1, AT_ONCE // max(1, len(items)))
    for start in range(0, len(places), size):
        part = places[start : start + size]
        here = unit_vectors("queries", queries[part]).double().numpy() @ items.T
        counts, relevant = relevance.of(part)
        rows = np.repeat(np.arange(len(part)), counts)
        of_right = np.full(here.shape, -np.inf)
        of_right[rows, relevant] = here[rows, relevant]
        here[rows, relevant] = -np.inf
        every = np.arange(len(part))
        wrong[start : start + len(part)] = first = here.argmax(axis=1)
        right[start : start + len(part)] = second = of_right.argmax(axis=1)
        scores[start : start + len(part), 0] = here[every, first]
        scores[start : start + len(part), 1] = of_right[every, second]
    assert (scores[:, 0] >= scores[:, 1] - 2 * TIE).all()
    return wrong, right, scores
