"""From ranks of queries to a measurement: estimates with intervals, and one record per query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.relevance import item_keys
from polymodal_eval.results import QueryRecords
from polymodal_eval.statistics import (
    Estimate,
    chance_of_hit,
    chance_of_precision,
    clusters_of,
    mean_intervals,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.ranking import QueryRanks
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


def instance_keys(space: Space, column: str) -> Any:
    """Give the instances of each item of a column: sparse [items, instances]."""
    table = space.embeddings.table
    return item_keys(table.items[column], table.instance)


def query_clusters(space: Space, column: str, kept: Integers) -> Integers:
    """Number the clusters of some items of a column that bootstraps draw whole: [kept]."""
    return clusters_of(instance_keys(space, column)[kept])


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
    space: Space, column: str, ranks: QueryRanks, ks: Sequence[int]
) -> dict[str, Estimate]:
    """Estimate every retrieval metric of a column's queries; the median rank has no interval."""
    kept = np.flatnonzero(ranks.answerable)
    relevant = ranks.num_relevant[kept]
    chances: dict[str, float | None] = {
        f"r@{k}": chance_of_hit(relevant, ranks.num_gallery, k) for k in ks
    }
    chances["r_precision"] = chance_of_precision(relevant, ranks.num_gallery)
    clusters = query_clusters(space, column, kept)
    found = mean_estimates(space, ranks.values(ks), clusters, chances)
    return {**found, "median_rank": Estimate(float(np.median(ranks.best_rank[kept])))}


def query_records(
    space: Space,
    column: str,
    kept: Integers,
    *,
    score: Floats,
    ranks: QueryRanks | None = None,
) -> QueryRecords:
    """Collect what is known of each kept query of a column; `score` [kept]."""
    keys = instance_keys(space, column)
    keys.sort_indices()
    first = np.append(keys.indices, -1)[np.minimum(keys.indptr[:-1], len(keys.indices))]
    instance = np.where(np.diff(keys.indptr) > 0, first, -1).astype(np.int64)
    numbers = space.embeddings.item_numbers[column][kept]
    return QueryRecords(
        item=numbers,
        id=tuple(space.identify(column, int(number)) for number in numbers),
        instance=instance[kept],
        score=score,
        rank=None if ranks is None else ranks.best_rank[kept],
        hits=None if ranks is None else ranks.hits[kept],
        num_relevant=None if ranks is None else ranks.num_relevant[kept],
        average_precision=None if ranks is None else ranks.average_precision[kept],
    )
