"""Classification as retrieval: a column's items against one vector per class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from polymodal_eval.class_scores import class_counts, class_estimates
from polymodal_eval.entries import column_sets, entries_of
from polymodal_eval.ranking import TIE, QueryRanks, rank_queries, unit_vectors
from polymodal_eval.relevance import Relevance, item_keys
from polymodal_eval.results import Measurement, NotApplicable, Skipped
from polymodal_eval.statistics import Estimate, chance_of_hit, class_mean_interval
from polymodal_eval.tasks.ranked import mean_estimates, query_clusters, query_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.entries import Entries
    from polymodal_eval.space import LabelledVectors, Space

    Integers = NDArray[np.int64]

Inputs = tuple[tuple[str, ...], ...] | Literal["all"] | None
"""Combinations of columns to classify: named, all, or each column alone."""

MOST_CONFUSED = 10
LARGEST_CONFUSION = 200
"""Up to so many classes the whole table of confusions is kept in the report."""


@dataclass(frozen=True)
class _Examples:
    """Pairs of (kept query, class) and what was predicted for the query: [pairs] each."""

    query: Integers
    label: Integers
    predicted: Integers


def query_columns(space: Space, named: tuple[str, ...] | None = None) -> list[str]:
    """Give the named columns, or all whose items do not stand for classes.

    Raises NotApplicable where no row of the split has a label.
    """
    table = space.embeddings.table
    if not (table.label >= 0).any():
        raise NotApplicable(f"the rows of split '{space.split}' have no labels")
    if named is not None:
        return [space.column(name) for name in named]
    return [column for column in space.embeddings.columns if column not in table.of_classes]


def input_entries(space: Space, inputs: Inputs) -> Iterator[Entries]:
    """Give what is to be classified: each of the `inputs`, a combination of columns.

    None is every column whose items do not stand for classes, "all" every combination of them
    (pcmc-pcmr, Tab. 4).
    """
    columns = query_columns(space)
    if isinstance(inputs, tuple):
        chosen = [tuple(space.column(name) for name in part) for part in inputs]
    else:
        chosen = column_sets(columns, largest=1 if inputs is None else None)
    yield from (entries_of(space.embeddings, part) for part in chosen)


def classify(
    space: Space,
    queries: Entries,
    classes: LabelledVectors,
    *,
    against: str,
    column: str,
    protocol: Mapping[str, Any],
) -> Measurement | Skipped:
    """Classify queries by the nearest of `classes`, whose side is named `against`.

    `column` is the one that embeds the classes. `accuracy` is plain, `t1` the mean over classes of
    the accuracy within a class (pcmc-pcmr, Tab. 4), `top5` the share with a right class among the
    first five; `details` has precision, recall and F1, of each class, their means and those by the
    number of queries. Queries without a label among `classes` are left out.
    Raises NotApplicable for fewer than two classes.
    """
    num_classes = len(classes.labels)
    if num_classes < 2:
        raise NotApplicable(
            f"split '{space.split}' has {num_classes} class{'es' * (num_classes != 1)} of "
            f"{against}; classification needs at least two"
        )
    relevance = _class_relevance(space, queries, classes)
    ranks = rank_queries(queries.vectors, classes.vectors, relevance)
    kept = np.flatnonzero(ranks.answerable)
    if not len(kept):
        reason = (
            f"no {queries.name} has a label among the classes"
            if len(queries)
            else f"no row of split '{space.split}' has {queries.name}"
        )
        return Skipped(f"{queries.name} → {against}", reason)
    examples = _examples(queries, classes, relevance, ranks)
    right = (ranks.best_rank[kept] == 1).astype(np.float64)
    clusters = query_clusters(space, queries, kept)
    labels = np.split(classes.labels[examples.label], _first_of_each(examples.query)[1:])
    return Measurement(
        queries.name,
        against,
        "accuracy",
        _estimates(space, ranks, examples, clusters),
        num_queries=len(kept),
        num_left_out=len(ranks.answerable) - len(kept),
        num_candidates=num_classes,
        protocol={"relevance": "label", "scores": "cosine", "tie": TIE, **protocol},
        details={
            "rows_left_out": {"query": queries.rows_left_out},
            **({"fused": True} if queries.fused else {}),
            **_details(space, classes, examples, clusters[examples.query]),
        },
        queries=query_records(
            space,
            queries,
            kept,
            clusters=clusters,
            score=right,
            ranks=ranks,
            labels=tuple(labels),
        ),
        query_columns=queries.columns,
        gallery_columns=(column,),
    )


def right_answers(space: Space, queries: Entries, classes: LabelledVectors) -> NDArray[np.float64]:
    """Say which queries the nearest of `classes` is right for: 0 or 1 [queries with a label]."""
    ranks = rank_queries(
        queries.vectors, classes.vectors, _class_relevance(space, queries, classes)
    )
    return np.asarray(ranks.best_rank[ranks.answerable] == 1, dtype=np.float64)


def _estimates(
    space: Space, ranks: QueryRanks, examples: _Examples, clusters: Integers
) -> dict[str, Estimate]:
    kept, num_classes = ranks.answerable, ranks.num_gallery
    values = {"accuracy": (ranks.best_rank[kept] == 1).astype(np.float64)}
    chances: dict[str, float | None] = {
        "accuracy": chance_of_hit(ranks.num_relevant, num_classes, 1)
    }
    if num_classes > 5:
        values["top5"] = (ranks.best_rank[kept] <= 5).astype(np.float64)
        chances["top5"] = chance_of_hit(ranks.num_relevant, num_classes, 5)
    found = mean_estimates(space, values, clusters, chances)
    t1 = class_average(
        space,
        values["accuracy"][examples.query],
        examples.label,
        clusters[examples.query],
        chance=1.0 / num_classes,
    )
    return {"accuracy": found.pop("accuracy"), "t1": t1, **found}


def _first_of_each(sorted_numbers: Integers) -> Integers:
    return np.unique(sorted_numbers, return_index=True)[1].astype(np.int64)


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


def _class_relevance(space: Space, queries: Entries, classes: LabelledVectors) -> Relevance:
    table = space.embeddings.table
    place = np.full(max(int(table.label.max()), int(classes.labels.max())) + 2, -1, np.int64)
    place[classes.labels] = np.arange(len(classes.labels))
    place[-1] = -1  # the entry that label -1 reads
    size = len(classes.labels)
    query_keys = item_keys(queries.of_row, place[table.label], num_values=size)
    return Relevance(query_keys, sparse.eye_array(size, dtype=np.int32).tocsr(), "label")


def _examples(
    entries: Entries, classes: LabelledVectors, relevance: Relevance, ranks: QueryRanks
) -> _Examples:
    kept = np.flatnonzero(ranks.answerable)
    queries = unit_vectors("queries", entries.vectors[kept]).double().numpy()
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
    space: Space,
    classes: LabelledVectors,
    examples: _Examples,
    clusters: Integers,
) -> dict[str, Any]:
    known = space.embeddings.table.class_names
    names = [known[label] for label in classes.labels] if classes.names is None else classes.names
    label, predicted = examples.label, examples.predicted
    estimates = class_estimates(
        label, predicted, clusters, resamples=space.resamples, seed=space.seed
    )
    by_class = class_counts(label, predicted, len(names)).by_class()
    return {
        "scores": {name: asdict(item) for name, item in estimates.items()},
        **confusion_details(names, label, predicted, by_class),
    }


def confusion_details(
    names: Sequence[str], label: Integers, predicted: Integers, scores: Mapping[str, Any]
) -> dict[str, Any]:
    """Lay out classes and confusions of queries [queries] for a report.

    `scores[name]` [classes] are further numbers of each class. Classes without a query are left
    out of the list.
    """
    size = len(names)
    counts = np.bincount(label, minlength=size)
    answered = predicted >= 0
    places = (label[answered], predicted[answered])
    ones = np.ones(int(answered.sum()), np.int64)
    confusion = sparse.coo_array((ones, places), shape=(size, size)).tocsr().tocoo()
    right = np.bincount(label[label == predicted], minlength=size)
    return {
        "classes": [
            {
                "name": names[number],
                "queries": int(counts[number]),
                "accuracy": float(right[number] / counts[number]),
                **{name: float(values[number]) for name, values in scores.items()},
            }
            for number in range(size)
            if counts[number]
        ],
        **_confusions(names, confusion, counts),
    }


def _confusions(names: Sequence[str], confusion: Any, counts: Integers) -> dict[str, Any]:
    size = len(names)
    wrong = np.flatnonzero(confusion.row != confusion.col)
    most = wrong[np.argsort(-confusion.data[wrong], kind="stable")][:MOST_CONFUSED]
    details: dict[str, Any] = {
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
        details["confusion"] = {"names": list(names), "counts": confusion.toarray().tolist()}
    return details
