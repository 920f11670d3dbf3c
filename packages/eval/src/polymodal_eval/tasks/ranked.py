"""From ranks of queries to a measurement: estimates with intervals, and one record per query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.entries import joined
from polymodal_eval.ranking import TIE, rank_queries
from polymodal_eval.relevance import Rule, item_keys, relevance_of_entries
from polymodal_eval.results import Measurement, QueryRecords, Skipped
from polymodal_eval.statistics import (
    Estimate,
    chance_of_hit,
    chance_of_precision,
    clusters_of,
    mean_intervals,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.entries import Entries
    from polymodal_eval.ranking import QueryRanks
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


def query_clusters(space: Space, queries: Entries, kept: Integers) -> Integers:
    """Number the clusters of the kept queries that bootstraps draw whole: [kept].

    Queries that share an instance are one cluster.
    """
    return clusters_of(item_keys(queries.of_row, space.embeddings.table.instance)[kept])


def mean_estimates(
    space: Space,
    values: Mapping[str, Floats],
    clusters: Integers,
    chances: Mapping[str, float | None],
) -> dict[str, Estimate]:
    """Estimate the means over queries of several metrics, `values` [queries] each."""
    intervals = mean_intervals(
        np.stack(list(values.values()), axis=1),
        clusters,
        resamples=space.resamples,
        seed=space.seed,
    )
    found = {}
    for number, (name, value) in enumerate(values.items()):
        low, high = (None, None) if intervals is None else map(float, intervals[number])
        found[name] = Estimate(float(value.mean()), low, high, chances.get(name))
    return found


def rank_estimates(
    space: Space, ranks: QueryRanks, clusters: Integers, ks: Sequence[int]
) -> dict[str, Estimate]:
    """Estimate every retrieval metric; the median rank has no interval.

    `clusters` [kept] are those of the queries that have a right answer.
    """
    kept = np.flatnonzero(ranks.answerable)
    relevant = ranks.num_relevant[kept]
    chances: dict[str, float | None] = {
        f"r@{k}": chance_of_hit(relevant, ranks.num_gallery, k) for k in ks
    }
    chances["r_precision"] = chance_of_precision(relevant, ranks.num_gallery)
    found = mean_estimates(space, ranks.values(ks), clusters, chances)
    return {**found, "median_rank": Estimate(float(np.median(ranks.best_rank[kept])))}


def query_records(
    space: Space,
    queries: Entries,
    kept: Integers,
    *,
    clusters: Integers,
    score: Floats,
    ranks: QueryRanks | None = None,
    labels: tuple[Integers, ...] | None = None,
) -> QueryRecords:
    """Collect what is known of each kept query; `clusters`, `score`, `labels` [kept]."""
    table = space.embeddings.table
    keys = item_keys(queries.of_row, table.instance)
    keys.sort_indices()
    first = np.append(keys.indices, -1)[np.minimum(keys.indptr[:-1], len(keys.indices))]
    instance = np.where(np.diff(keys.indptr) > 0, first, -1).astype(np.int64)
    numbers = {
        column: space.embeddings.item_numbers[column][queries.items_of(column)[kept]]
        for column in queries.columns
    }
    parts = [
        [space.identify(column, int(number)) for number in numbers[column]]
        for column in queries.columns
    ]
    return QueryRecords(
        item=numbers[queries.columns[0]],
        id=tuple(map(joined, zip(*parts, strict=True))),
        instance=instance[kept],
        cluster=clusters,
        score=score,
        rank=None if ranks is None else ranks.best_rank[kept],
        hits=None if ranks is None else ranks.hits[kept],
        num_relevant=None if ranks is None else ranks.num_relevant[kept],
        average_precision=None if ranks is None else ranks.average_precision[kept],
        labels=labels,
    )


def measure_ranks(
    space: Space, query: Entries, gallery: Entries, *, rule: Rule, ks: Sequence[int]
) -> tuple[Measurement, QueryRanks] | Skipped:
    """Measure retrieval from `query` to `gallery`; skipped where no query has a right answer."""
    relevance = relevance_of_entries(space.embeddings.table, query, gallery, rule=rule)
    ranks = rank_queries(query.vectors, gallery.vectors, relevance)
    kept = np.flatnonzero(ranks.answerable)
    if not len(kept):
        return Skipped(
            f"{query.name} → {gallery.name}",
            f"no {query.name} of split '{space.split}' has a right answer in {gallery.name} by "
            f"{relevance.rule}",
        )
    headline = f"r@{ks[0]}"
    clusters = query_clusters(space, query, kept)
    measured = Measurement(
        query.name,
        gallery.name,
        headline,
        rank_estimates(space, ranks, clusters, ks),
        num_queries=len(kept),
        num_left_out=len(ranks.answerable) - len(kept),
        num_candidates=ranks.num_gallery,
        protocol={"relevance": relevance.rule, "scores": "cosine", "tie": TIE},
        queries=query_records(
            space, query, kept, clusters=clusters, score=ranks.values(ks)[headline], ranks=ranks
        ),
        query_columns=query.columns,
        gallery_columns=gallery.columns,
    )
    return measured, ranks
