"""Classification by the class layers that a run has trained: columns, combinations, whole rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from polymodal_eval.class_scores import class_counts, class_estimates
from polymodal_eval.classified_rows import classify_rows, row_items
from polymodal_eval.entries import Entries, entries_of
from polymodal_eval.relevance import item_keys
from polymodal_eval.results import (
    Gain,
    Measurement,
    NotApplicable,
    QueryRecords,
    Skipped,
    TaskResult,
    collect,
)
from polymodal_eval.statistics import clusters_of
from polymodal_eval.tasks.classification import Inputs, confusion_details, input_entries
from polymodal_eval.tasks.ranked import mean_estimates, query_clusters, query_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

LABEL = "label"
SHOWN = ("precision", "recall", "f1", "f1_weighted")
"""Scores of classes beside accuracy, which recall weighted by examples is."""

ROW = "row"
"""What a query is called that is a whole row, by whatever columns it has."""


@dataclass(frozen=True)
class _Predicted:
    """Queries with their classes and what each was taken for: [queries]."""

    name: str
    columns: tuple[str, ...]
    label: Integers
    predicted: Integers
    records: QueryRecords
    left_out: int
    protocol: dict[str, Any]
    gains: tuple[Gain, ...] = ()


class TrainedClasses:
    """Predict labels as the run's objective does, and count what is right.

    Whole rows are classified by whatever columns they have; so they are with a column removed from
    a share of them, or replaced by that of another row. Rows keep their numbers in the store, so
    that a run of one column can be compared with one of several, row by row.
    """

    def __init__(
        self,
        inputs: Inputs = None,
        *,
        remove: tuple[str, ...] | None = None,
        missing: tuple[float, ...] = (0.5, 1.0),
        swapped: tuple[float, ...] = (),
    ) -> None:
        """Choose what is classified beside rows, which columns rows lose, and in what shares.

        `inputs` are combinations of columns; None: each alone, and all together. `remove` None is
        every column but the first.
        """
        self.inputs = inputs
        self.remove = remove
        self.missing, self.swapped = missing, swapped

    def __call__(self, space: Space) -> TaskResult:
        """Measure every input, then rows.

        Raises NotApplicable for a run that has learned no classes, or a split without labels.
        """
        if space.classify is None:
            raise NotApplicable(
                "the run's objective has learned no classes; train it with a classification "
                "objective, or measure zero_shot or probe"
            )
        found: list[Measurement | Skipped] = []
        for entries in self._entries(space):
            predicted = self._of_entries(space, entries)
            found.append(
                predicted if isinstance(predicted, Skipped) else _measurement(space, predicted)
            )
        found += [_measurement(space, item) for item in self._rows(space)]
        return collect("classification", space.split, found)

    def _entries(self, space: Space) -> Iterator[Entries]:
        yield from input_entries(space, self.inputs)
        columns = _columns(space)
        if self.inputs is None and len(columns) > 1:
            yield entries_of(space.embeddings, columns)

    def _of_entries(self, space: Space, entries: Entries) -> _Predicted | Skipped:
        assert space.classify is not None
        keys = item_keys(entries.of_row, space.embeddings.table.label)
        kept = np.flatnonzero(np.diff(keys.indptr) == 1)
        if not len(kept):
            reason = f"no {entries.name} of split '{space.split}' has one label"
            return Skipped(f"{entries.name} → {LABEL}", reason)
        label = keys.indices[keys.indptr[kept]].astype(np.int64)
        predicted = space.classify(entries.columns, entries.vectors[kept]).argmax(axis=1)
        clusters = query_clusters(space, entries, kept)
        records = query_records(
            space,
            entries,
            kept,
            clusters=clusters,
            score=(predicted == label).astype(np.float64),
            labels=tuple(label[:, None]),
        )
        return _Predicted(
            entries.name,
            entries.columns,
            label,
            predicted.astype(np.int64),
            records,
            len(entries) - len(kept),
            {},
        )

    def _rows(self, space: Space) -> Iterator[_Predicted]:
        columns = _columns(space)
        items = row_items(space.embeddings, columns)
        kept = np.flatnonzero((space.embeddings.table.label >= 0) & (items >= 0).any(axis=1))
        whole = _of_rows(space, ROW, items, kept, {})
        bases = [
            (name, _of_rows(space, name, _only(items, [place]), kept, {}))
            for place, name in enumerate(columns)
        ]
        yield replace(whole, gains=_gains(space, whole, bases) if len(columns) > 1 else ())
        removed = columns[1:] if self.remove is None else self.remove
        for name in (space.column(name) for name in removed):
            place = columns.index(name)
            order = np.random.default_rng([space.seed, place]).permutation(kept)
            for share in self.missing:
                chosen = order[: round(share * len(order))]
                part = items.copy()
                part[chosen, place] = -1
                label = f"{ROW}, {100 * share:g} % without {name}"
                protocol = {"without": name, "share": share}
                lost = _of_rows(space, label, part, kept, protocol)
                yield replace(lost, gains=_gains(space, lost, bases[:1]))
            for share in self.swapped:
                chosen = order[: round(share * len(order))]
                part = items.copy()
                part[chosen, place] = items[np.roll(chosen, 1), place]
                label = f"{ROW}, {100 * share:g} % with another's {name}"
                protocol = {"swapped": name, "share": share}
                lost = _of_rows(space, label, part, kept, protocol)
                yield replace(lost, gains=_gains(space, lost, bases[:1]))


def _columns(space: Space) -> list[str]:
    table = space.embeddings.table
    return [name for name in space.embeddings.columns if name not in table.of_classes]


def _only(items: Integers, places: Sequence[int]) -> Integers:
    part = np.full_like(items, -1)
    part[:, places] = items[:, places]
    return part


def _of_rows(
    space: Space, name: str, items: Integers, kept: Integers, protocol: dict[str, Any]
) -> _Predicted:
    assert space.classify is not None
    table = space.embeddings.table
    columns = _columns(space)
    predicted = classify_rows(space.embeddings, columns, items[kept], space.classify)
    label = table.label[kept]
    numbers = kept if space.rows is None else space.rows[kept]
    records = QueryRecords(
        item=numbers,
        id=tuple(f"{ROW} {number}" for number in numbers),
        instance=table.instance[kept],
        cluster=_row_clusters(space, columns)[kept],
        score=(predicted == label).astype(np.float64),
        labels=tuple(label[:, None]),
    )
    left_out = len(table) - len(kept)
    # Rows are of no certain columns: runs of other columns measure the same.
    return _Predicted(name, (), label, predicted, records, left_out, protocol)


def _row_clusters(space: Space, columns: Sequence[str]) -> Integers:
    # Rows of one instance, and rows that share an item, are no independent queries.
    table = space.embeddings.table
    rows = np.arange(len(table))
    keys = [item_keys(rows, table.instance)]
    keys += [item_keys(rows, table.items[name]) for name in columns]
    return clusters_of(sparse.hstack(keys).tocsr())


def _gains(
    space: Space, whole: _Predicted, bases: Sequence[tuple[str, _Predicted]]
) -> tuple[Gain, ...]:
    found = []
    for name, base in bases:
        has = base.predicted >= 0  # rows that have the column
        if not has.any():
            continue
        first, second = whole.records.score[has], base.records.score[has]
        clusters = np.unique(whole.records.cluster[has], return_inverse=True)[1].ravel()
        estimate = mean_estimates(space, {"gain": first - second}, clusters, {"gain": 0.0})["gain"]
        found.append(Gain(name, LABEL, float(second.mean()), estimate))
    return tuple(found)


def _measurement(space: Space, item: _Predicted) -> Measurement:
    names = space.embeddings.table.class_names
    counts = class_counts(item.label, item.predicted, len(names))
    clusters = np.unique(item.records.cluster, return_inverse=True)[1].ravel().astype(np.int64)
    majority = float(counts.actual.max() / counts.actual.sum())
    estimates = mean_estimates(
        space, {"accuracy": item.records.score}, clusters, {"accuracy": majority}
    )
    found = class_estimates(
        item.label, item.predicted, clusters, resamples=space.resamples, seed=space.seed
    )
    estimates |= {name: found[name] for name in SHOWN}
    return Measurement(
        item.name,
        LABEL,
        "accuracy",
        estimates,
        num_queries=len(item.label),
        num_left_out=item.left_out,
        num_candidates=len(names),
        protocol={"relevance": "label", "scores": "class layers", **item.protocol},
        details=confusion_details(names, item.label, item.predicted, counts.by_class()),
        queries=replace(item.records, cluster=clusters, predicted=item.predicted),
        query_columns=item.columns,
        gains=item.gains,
    )
