"""Examples of retrieval: queries drawn at random, and what stands first for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.ranking import unit_vectors
from polymodal_eval.relevance import relevance_of_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.relevance import Rule
    from polymodal_eval.results import Measurement
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]

SHOWN = 5


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
        order = _order(space, query, gallery, int(place), right)
        found = tuple(
            Found(int(items[gallery][other]), bool(np.isin(other, right))) for other in order
        )
        examples.append(Example(int(queries.item[number]), found, int(queries.rank[number])))
    return PairExamples(query, gallery, tuple(examples))


def _order(space: Space, query: str, gallery: str, place: int, right: Integers) -> Integers:
    vectors = space.embeddings.vectors
    one = unit_vectors("query", vectors[query][place : place + 1]).double().numpy()[0]
    scores = unit_vectors("gallery", vectors[gallery]).double().numpy() @ one
    relevant = np.zeros(len(scores), dtype=bool)
    relevant[right] = True
    # As in the metrics, an irrelevant item goes first where scores are equal.
    order = np.lexsort((relevant, -scores))
    return np.asarray(order[:SHOWN], dtype=np.int64)
