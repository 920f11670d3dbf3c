"""Examples of retrieval: queries drawn at random, and what stands first for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.ranking import TIE, unit_vectors
from polymodal_eval.relevance import relevance_of_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.relevance import Rule
    from polymodal_eval.report.cards import Cards
    from polymodal_eval.results import Measurement
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]

SHOWN = 5
MOST_PAIRS = 12


@dataclass(frozen=True)
class Found:
    """A gallery item at its rank: its number in the store, and whether it is a right answer."""

    item: int
    relevant: bool


@dataclass(frozen=True)
class Example:
    """A query and the items found first; `rank` is that of the best right answer."""

    item: int
    found: tuple[Found, ...]
    rank: int


@dataclass(frozen=True)
class PairExamples:
    """Examples of one ordered pair of columns."""

    query: str
    gallery: str
    examples: tuple[Example, ...]


def choose_pairs(measured: Sequence[Measurement], *, most: int) -> list[Measurement]:
    """Choose the pairs to show: every query column in turn, so that each is seen."""
    waiting: dict[str, list[Measurement]] = {}
    for item in measured:
        waiting.setdefault(item.query, []).append(item)
    chosen: list[Measurement] = []
    turn = 0
    while len(chosen) < min(most, len(measured)):
        for number, items in enumerate(waiting.values()):
            # Offset by the column's place: else all would show the same gallery column first.
            if turn < len(items) and len(chosen) < most:
                chosen.append(items[(turn + number) % len(items)])
        turn += 1
    return sorted(chosen, key=list(measured).index)


def retrieval_examples(space: Space, measured: Measurement, *, count: int = 2) -> PairExamples:
    """Draw `count` queries of a measured pair at random, by the seed, and rank the gallery."""
    query, gallery = measured.query, measured.gallery
    embeddings = space.embeddings
    rule: Rule = measured.protocol["relevance"]
    relevance = relevance_of_columns(embeddings.table, query, gallery, rule=rule)
    queries = measured.queries
    assert queries is not None
    assert queries.rank is not None
    rng = np.random.default_rng([space.seed, len(queries.item)])
    drawn = np.sort(rng.choice(len(queries.item), min(count, len(queries.item)), replace=False))
    items = embeddings.item_numbers
    examples = []
    for number in drawn:
        place = np.searchsorted(items[query], queries.item[number])
        right = relevance.of(np.array([place], dtype=np.int64))[1]
        order = first_found(embeddings.vectors[query][place], embeddings.vectors[gallery], right)
        found = tuple(
            Found(int(items[gallery][other]), bool(np.isin(other, right))) for other in order
        )
        examples.append(Example(int(queries.item[number]), found, int(queries.rank[number])))
    return PairExamples(query, gallery, tuple(examples))


def first_found(query: Any, gallery: Any, right: Integers, *, count: int = SHOWN) -> Integers:
    """Give the first `count` of a gallery [items, dim] for a query [dim], as metrics rank them.

    `right` are the relevant items: where scores tie, the others stand before them.
    """
    one = unit_vectors("query", query[None]).double().numpy()[0]
    scores = unit_vectors("gallery", gallery).double().numpy() @ one
    relevant = np.zeros(len(scores), dtype=bool)
    relevant[right] = True
    order = np.lexsort((relevant, TIE * relevant - scores))
    return np.asarray(order[:count], dtype=np.int64)


def example_groups(
    space: Space, measured: Sequence[Measurement], cards: Cards
) -> list[dict[str, Any]]:
    """Lay out examples of measured pairs by their query column."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for pair in choose_pairs(measured, most=MOST_PAIRS):
        found = retrieval_examples(space, pair)
        groups.setdefault(found.query, []).append(
            {
                "gallery": found.gallery,
                "candidates": pair.num_candidates,
                "examples": [
                    {
                        "query": cards(found.query, example.item),
                        "rank": example.rank,
                        "found": [
                            {**cards(found.gallery, item.item), "relevant": item.relevant}
                            for item in example.found
                        ],
                    }
                    for example in found.examples
                ],
            }
        )
    return [{"query": query, "pairs": pairs} for query, pairs in groups.items()]
