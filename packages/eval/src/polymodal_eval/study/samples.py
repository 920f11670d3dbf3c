"""Samples: the queries behind a number of a study, the same ones of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from polymodal_core.errors import PolymodalError

from polymodal_eval.class_scores import CLASS_SCORES, class_counts
from polymodal_eval.comparison.differences import join, query_values, take
from polymodal_eval.comparison.matching import check_same_store, differences, store_of
from polymodal_eval.comparison.reports import Line, Queries, Report
from polymodal_eval.entries import joined
from polymodal_eval.pixel_counts import PIXEL_SCORES, PixelCounts
from polymodal_eval.study.cells import Pair, Quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

Kind = Literal["mean", "class_mean", "classes", "median", "pixels"]


class NotMeasured(PolymodalError):
    """A cell of a study cannot be filled; the message says why."""


@dataclass(frozen=True)
class Sample:
    """A metric's values of one pair's queries, of every run: `values` [runs, queries].

    `keys` [queries] tell queries apart, `run_keys` [runs] say which run stands for which of the
    averaged variants. `kind` says how values make the metric: their mean, the mean over classes
    (`labels`) of their mean, their median, or a score by the name `metric`: of classes, from what
    every run has `predicted` [queries], or of the pixels of all pictures (`pixels` of every run).
    `line` and `report` are the first run's, `store` is the fingerprint of what was measured on.
    """

    line: Line
    report: Report
    kind: Kind
    values: Floats
    instance: Integers
    cluster: Integers
    keys: tuple[tuple[str, int], ...]
    run_keys: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...] | None = None
    pixels: tuple[PixelCounts, ...] = ()
    metric: str = ""
    predicted: tuple[Integers, ...] = ()
    store: str = ""

    @cached_property
    def by_run(self) -> Floats:
        """The metric of every run: [runs]."""
        if self.kind == "median":
            return np.median(self.values, axis=1)
        if self.kind == "pixels":
            return np.array([part.total().scores()[self.metric] for part in self.pixels])
        if self.kind == "mean":
            return np.asarray(self.values.mean(axis=1))
        if self.kind == "classes":
            query, actual = self.labelled
            return np.array([_class_score(self.metric, actual, x[query]) for x in self.predicted])
        query, number = self.examples
        counts = np.bincount(number)
        means = [(np.bincount(number, run[query]) / counts).mean() for run in self.values]
        return np.array(means)

    @property
    def examples(self) -> tuple[Integers, Integers]:
        """Pairs of a query and one of its classes, numbered from 0: [pairs] each."""
        query, names = self.labelled
        return query, np.unique(names, return_inverse=True)[1].ravel().astype(np.int64)

    @property
    def labelled(self) -> tuple[Integers, Integers]:
        """Pairs of a query and one of its classes, as the store numbers them: [pairs] each."""
        labels = self.labels or ()
        query = np.repeat(np.arange(len(labels)), [len(part) for part in labels])
        return query, np.array([label for part in labels for label in part], dtype=np.int64)

    def taken(self, places: Integers) -> Sample:
        """Give the sample of some of the queries."""
        return replace(
            self,
            values=self.values[:, places],
            instance=self.instance[places],
            cluster=self.cluster[places],
            keys=tuple(self.keys[place] for place in places),
            labels=None if self.labels is None else tuple(self.labels[place] for place in places),
            pixels=tuple(part.take(places) for part in self.pixels),
            predicted=tuple(part[places] for part in self.predicted),
        )


def samples_of(
    quantity: Quantity, reports: Sequence[Report], run_keys: Sequence[str]
) -> list[Sample]:
    """Read the queries of every pair from the runs' reports, those that all runs share.

    Raises NotMeasured where a report lacks a pair, or two measured it in another way.
    """
    first = reports[0]
    lines = _lines(first, quantity)
    return [_sample(quantity, line, reports, tuple(run_keys)) for line in lines]


def shared(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """Give two samples of the same queries with those that both have, in one order.

    So are two measurements of one task and pair, and those of two tasks, or against two galleries,
    with the same query. Other samples stay as they are. Raises NotMeasured where they cannot be
    compared.
    """
    _check_store(first.line, second.line, first.report, second.report)
    if first.line.key == second.line.key:
        reasons = list(differences(first.line, second.line, first.report, second.report))
        if reasons:
            raise NotMeasured(f"{first.line.name}: {'; '.join(reasons)}")
    elif first.line.content["query"] != second.line.content["query"]:
        return first, second
    if first.keys == second.keys:
        return first, second
    place = {key: number for number, key in enumerate(second.keys)}
    kept = [(number, place[key]) for number, key in enumerate(first.keys) if key in place]
    if not kept:
        raise NotMeasured(f"{first.line.name}: the runs share no query")
    one, other = np.array(kept, dtype=np.int64).T
    return first.taken(one), second.taken(other)


def _lines(report: Report, quantity: Quantity) -> list[Line]:
    measured = [
        line
        for line in report.lines
        if line.task == quantity.task and quantity.split in (None, line.split)
    ]
    if quantity.pairs is None:
        if not measured:
            raise NotMeasured(f"{_task(quantity)} was not evaluated")
        return _of_one_split(measured, _task(quantity))
    return [
        _of_one_split(
            [line for line in measured if _is_pair(line, pair)],
            f"{_task(quantity)} {_named(pair)}",
        )[0]
        for pair in quantity.pairs
    ]


def _of_one_split(lines: list[Line], what: str) -> list[Line]:
    splits = list(dict.fromkeys(line.split for line in lines))
    if not lines:
        raise NotMeasured(f"{what} was not evaluated")
    if len(splits) > 1:
        raise NotMeasured(
            f"{what} was evaluated on the splits {', '.join(splits)}; choose one with split"
        )
    return lines


def _is_pair(line: Line, pair: Pair) -> bool:
    return all(
        set(line.content[f"{side}_columns"]) == set(columns)
        or line.content[side] == joined(columns)
        for side, columns in zip(("query", "gallery"), pair, strict=True)
    )


def _sample(
    quantity: Quantity, line: Line, reports: Sequence[Report], run_keys: tuple[str, ...]
) -> Sample:
    first = reports[0]
    pair = (_columns(line, "query"), _columns(line, "gallery"))
    found = [line]
    for report in reports[1:]:
        other = _lines(report, Quantity({}, (), line.task, line.split, quantity.metric, (pair,)))[0]
        _check_store(line, other, first, report)
        reasons = list(differences(line, other, first, report))
        if reasons:
            raise NotMeasured(f"{line.name}: {'; '.join(reasons)}")
        found.append(other)
    queries = [report.queries(item) for report, item in zip(reports, found, strict=True)]
    kept = [item for item in queries if item is not None]
    if len(kept) < len(queries):
        raise NotMeasured(f"{line.name}: the task keeps no single queries")
    places = join(kept)
    if places is None:
        raise NotMeasured(f"{line.name}: two queries have one id and one instance")
    if not len(places[0]):
        raise NotMeasured(f"{line.name}: the runs share no query")
    runs = [take(item, place) for item, place in zip(kept, places, strict=True)]
    kind, values = _values(quantity.metric, runs, line)
    return Sample(
        line,
        first,
        kind,
        values,
        runs[0].instance,
        runs[0].cluster,
        tuple(zip(runs[0].id, runs[0].instance.tolist(), strict=True)),
        run_keys,
        runs[0].labels,
        tuple(run.pixels for run in runs if run.pixels is not None),
        quantity.metric,
        tuple(run.predicted for run in runs if run.predicted is not None),
        str(store_of(first, line.split).get("fingerprint")),
    )


def _check_store(line: Line, other: Line, first: Report, second: Report) -> None:
    try:
        check_same_store(line, other, first, second)
    except PolymodalError as error:
        raise NotMeasured(str(error)) from None


def _class_score(metric: str, actual: Integers, predicted: Integers) -> float:
    classes = int(max(actual.max(), predicted.max())) + 1
    return float(class_counts(actual, predicted, classes).scores()[metric])


def _values(metric: str, runs: Sequence[Queries], line: Line) -> tuple[Kind, Floats]:
    headline = str(line.content["headline"])
    kind: Kind = "mean"
    found: list[Floats | None]
    if metric == "median_rank":
        kind = "median"
        found = [None if run.rank is None else run.rank.astype(np.float64) for run in runs]
    elif metric in PIXEL_SCORES:
        kind = "pixels"
        found = [None if run.pixels is None else run.score for run in runs]
    elif metric in ("t1", "recall"):  # recall averaged over classes is the same
        kind = "class_mean"
        found = [None if run.labels is None else run.score for run in runs]
    elif metric in CLASS_SCORES:
        kind = "classes"
        found = [None if run.labels is None or run.predicted is None else run.score for run in runs]
    else:
        found = [query_values(metric, run, headline) for run in runs]
    kept = [value for value in found if value is not None]
    if len(kept) < len(found):
        measured = ", ".join(line.content["estimates"])
        raise NotMeasured(f"{line.name} has no {metric} query by query; it has {measured}")
    return kind, np.stack(kept)


def _columns(line: Line, side: str) -> tuple[str, ...]:
    return tuple(line.content[f"{side}_columns"]) or (str(line.content[side]),)


def _task(quantity: Quantity) -> str:
    return quantity.task if quantity.split is None else f"{quantity.task} on {quantity.split}"


def _named(pair: Pair) -> str:
    return f"{joined(pair[0])} → {joined(pair[1])}"
