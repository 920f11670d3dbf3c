"""Classification as retrieval: a column's items against one vector per class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from polymodal_eval.ranking import TIE, QueryRanks, rank_queries, unit_vectors
from polymodal_eval.relevance import Relevance, item_keys
from polymodal_eval.results import Measurement, NotApplicable, Skipped
from polymodal_eval.statistics import Estimate, chance_of_hit, class_mean_interval
from polymodal_eval.tasks.ranked import mean_estimates, query_clusters, query_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import LabelledVectors, Space

    Integers = NDArray[np.int64]

MOST_CONFUSED = 10
LARGEST_CONFUSION = 40
"""Up to so many classes the whole table of confusions is kept in the report."""


@dataclass(frozen=True)
class _Examples:
    """Pairs of (kept query, class) and what was predicted for the query: [pairs] each."""

    query: Integers
    label: Integers
    predicted: Integers


def query_columns(space: Space, named: tuple[str, ...] | None) -> list[str]:
    """Give the named columns, or all whose items do not stand for classes.

    Raises NotApplicable where no row of the split has a label.
    """
    table = space.embeddings.table
    if not (table.label >= 0).any():
        raise NotApplicable(f"the rows of split '{space.split}' have no labels")
    if named is not None:
        return [space.column(name) for name in named]
    return [column for column in space.embeddings.columns if column not in table.of_classes]


def classify(
    space: Space,
    column: str,
    classes: LabelledVectors,
    *,
    against: str,
    protocol: dict[str, Any],
) -> Measurement | Skipped:
    """Classify a column's items by the nearest of `classes`, whose side is named `against`.

    `accuracy` is plain, `t1` the mean over classes of the accuracy within a class (pcmc-pcmr,
    Tab. 4), `top5` the share with a right class among the first five. Items without a label among
    `classes` are left out. Raises NotApplicable for fewer than two classes.
    """
    num_classes = len(classes.labels)
    if num_classes < 2:
        raise NotApplicable(
            f"split '{space.split}' has {num_classes} class{'es' * (num_classes != 1)} of "
            f"{against}; classification needs at least two"
        )
    relevance = _class_relevance(space, column, classes)
    ranks = rank_queries(space.embeddings.vectors[column], classes.vectors, relevance)
    kept = np.flatnonzero(ranks.answerable)
    if not len(kept):
        return Skipped(f"{column} → {against}", f"no {column} has a label among the classes")
    examples = _examples(space, column, classes, relevance, ranks)
    values = {"accuracy": (ranks.best_rank[kept] == 1).astype(np.float64)}
    chances: dict[str, float | None] = {
        "accuracy": chance_of_hit(ranks.num_relevant, num_classes, 1)
    }
    if num_classes > 5:
        values["top5"] = (ranks.best_rank[kept] <= 5).astype(np.float64)
        chances["top5"] = chance_of_hit(ranks.num_relevant, num_classes, 5)
    clusters = query_clusters(space, column, kept)
    estimates = mean_estimates(space, values, clusters, chances)
    right = values["accuracy"][examples.query]
    t1 = class_average(
        space, right, examples.label, clusters[examples.query], chance=1.0 / num_classes
    )
    return Measurement(
        column,
        against,
        "accuracy",
        {"accuracy": estimates.pop("accuracy"), "t1": t1, **estimates},
        num_queries=len(kept),
        num_left_out=len(ranks.answerable) - len(kept),
        num_candidates=num_classes,
        protocol={"relevance": "label", "scores": "cosine", "tie": TIE, **protocol},
        details=_details(space, classes, examples, right),
        queries=query_records(space, column, kept, score=values["accuracy"], ranks=ranks),
    )


def class_average(
    space: Space,
    right: NDArray[np.float64],
    classes: Integers,
    clusters: Integers,
    *,
    chance: float,
) -> Estimate:
    """Estimate the mean of `right` [examples] within a class, over the classes that occur."""
    number = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    means = np.bincount(number, right) / np.bincount(number)
    interval = class_mean_interval(
        right, number, clusters, resamples=space.resamples, seed=space.seed
    )
    low, high = (None, None) if interval is None else interval
    return Estimate(float(means.mean()), low, high, chance)


def _class_relevance(space: Space, column: str, classes: LabelledVectors) -> Relevance:
    table = space.embeddings.table
    place = np.full(max(int(table.label.max()), int(classes.labels.max())) + 2, -1, np.int64)
    place[classes.labels] = np.arange(len(classes.labels))
    place[-1] = -1  # the entry that label -1 reads
    size = len(classes.labels)
    query_keys = item_keys(table.items[column], place[table.label], num_values=size)
    return Relevance(query_keys, sparse.eye_array(size, dtype=np.int32).tocsr(), "label")


def _examples(
    space: Space, column: str, classes: LabelledVectors, relevance: Relevance, ranks: QueryRanks
) -> _Examples:
    kept = np.flatnonzero(ranks.answerable)
    queries = unit_vectors("queries", space.embeddings.vectors[column][kept]).double().numpy()
    gallery = unit_vectors("classes", classes.vectors).double().numpy()
    keys = relevance.query_keys[kept].tocoo()
    wrong = np.empty(len(kept), np.int64)
    for start in range(0, len(kept), 4096):
        scores = queries[start : start + 4096] @ gallery.T
        scores[relevance.query_keys[kept[start : start + 4096]].nonzero()] = -np.inf
        wrong[start : start + 4096] = scores.argmax(1)
    order = np.lexsort((keys.col, keys.row))
    query, label = keys.row[order].astype(np.int64), keys.col[order].astype(np.int64)
    return _Examples(query, label, np.where(ranks.best_rank[kept][query] == 1, label, wrong[query]))


def _details(
    space: Space, classes: LabelledVectors, examples: _Examples, right: NDArray[np.float64]
) -> dict[str, Any]:
    names = [space.embeddings.table.class_names[label] for label in classes.labels]
    size = len(names)
    counts = np.bincount(examples.label, minlength=size)
    shares = np.bincount(examples.label, right, minlength=size) / np.maximum(counts, 1)
    places = (examples.label, examples.predicted)
    confusion = sparse.coo_array((np.ones(len(right), np.int64), places), shape=(size, size))
    confusion = confusion.tocsr().tocoo()
    wrong = np.flatnonzero(confusion.row != confusion.col)
    most = wrong[np.argsort(-confusion.data[wrong], kind="stable")][:MOST_CONFUSED]
    details: dict[str, Any] = {
        "classes": [
            {"name": names[number], "queries": int(counts[number]), "accuracy": shares[number]}
            for number in range(size)
            if counts[number]
        ],
        "most_confused": [
            {
                "class": names[confusion.row[entry]],
                "taken_for": names[confusion.col[entry]],
                "queries": int(confusion.data[entry]),
                "share": float(confusion.data[entry] / counts[confusion.row[entry]]),
            }
            for entry in most
        ],
    }
    if size <= LARGEST_CONFUSION:
        details["confusion"] = {"names": names, "counts": confusion.toarray().tolist()}
    return details
