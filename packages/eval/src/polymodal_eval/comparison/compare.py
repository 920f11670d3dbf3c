"""Two sides of evaluated runs compared, query by query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from polymodal_core.errors import PolymodalError

from polymodal_eval.comparison.differences import (
    Difference,
    Shared,
    join,
    measure,
    query_values,
    take,
)
from polymodal_eval.comparison.matching import check_stores, find
from polymodal_eval.comparison.reports import Line, Queries, Report
from polymodal_eval.results import Skipped
from polymodal_eval.statistics import PairedEstimate, mean_of_differences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """A measurement that every run has: its metrics, over the queries that all runs share.

    `num_queries` is the number of each run's queries, first side first.
    """

    line: Line
    shared: int
    num_queries: tuple[int, ...]
    differences: tuple[Difference, ...]

    @property
    def headline(self) -> Difference:
        """The difference of the metric that the task shows first."""
        name = self.line.content["headline"]
        return next((item for item in self.differences if item.metric == name), self.differences[0])


@dataclass(frozen=True)
class MeanDifference:
    """The mean over a task's measurements on a split, of a metric that is a mean over queries."""

    task: str
    split: str
    metric: str
    measurements: int
    first: float
    second: float
    difference: PairedEstimate


@dataclass(frozen=True)
class Comparison:
    """What two sides of runs differ in; `refused` are what is not compared, and why."""

    first: tuple[Report, ...]
    second: tuple[Report, ...]
    compared: tuple[Compared, ...]
    means: tuple[MeanDifference, ...]
    refused: tuple[Skipped, ...]
    resamples: int
    seed: int


def compare(
    first: Sequence[Report], second: Sequence[Report], *, resamples: int = 1000, seed: int = 0
) -> Comparison:
    """Compare two sides of one or several runs each.

    Of several runs (seeds) of a side, a query's values are averaged: intervals are over queries
    and do not hold the spread between runs. Raises PolymodalError, with the reasons, for stores
    with other contents and where nothing can be compared.
    """
    if not first or not second:
        raise PolymodalError("a comparison needs at least one run on either side")
    check_stores([*first, *second])
    comparing = _Comparing(tuple(first), tuple(second), resamples, seed)
    compared = [found for line in first[0].lines for found in comparing.line(line)]
    comparing.report_unmatched()
    if not compared:
        reasons = "\n".join(f"  {item.what}: {item.reason}" for item in comparing.refused)
        raise PolymodalError(
            f"{first[0].folder} and {second[0].folder} have nothing to compare:\n{reasons}"
        )
    return Comparison(
        tuple(first),
        tuple(second),
        tuple(compared),
        tuple(comparing.means()),
        tuple(comparing.refused),
        resamples,
        seed,
    )


@dataclass(frozen=True)
class _Values:
    """A metric's values of a measurement's shared queries: [queries] each."""

    instance: Integers
    first: Floats
    second: Floats


class _Comparing:
    """Goes through the measurements of the first run, and collects what is refused."""

    def __init__(
        self, first: tuple[Report, ...], second: tuple[Report, ...], resamples: int, seed: int
    ) -> None:
        self.runs = (*first, *second)
        self.num_first = len(first)
        self.resamples = resamples
        self.seed = seed
        self.refused: list[Skipped] = []
        self._seen: set[tuple[Path, int]] = set()
        self._unlike: set[tuple[str, str, str]] = set()
        self._values: dict[tuple[str, str, str], list[_Values]] = {}

    def line(self, line: Line) -> list[Compared]:
        """Compare one measurement; nothing, and a reason, where that cannot be."""
        shared = self._shared(line)
        if isinstance(shared, str):
            self.refused.append(Skipped(line.name, shared))
            return []
        headline = str(line.content["headline"])
        differences = []
        for metric in self._metrics(line):
            found = measure(metric, shared[0], headline, resamples=self.resamples, seed=self.seed)
            if found is None:
                self.refused.append(Skipped(f"{line.name} {metric}", "not kept query by query"))
            else:
                differences.append(found)
        if not differences:
            return []
        for part in differences:
            self._remember(line, part.metric, shared[0])
        return [Compared(line, len(shared[0].clusters), shared[1], tuple(differences))]

    def means(self) -> list[MeanDifference]:
        """Average each metric that is a mean over queries over a task's measurements."""
        found = []
        for (task, split, metric), parts in self._values.items():
            if len(parts) < 2:
                continue
            difference = mean_of_differences(
                [part.first - part.second for part in parts],
                [part.instance for part in parts],
                resamples=self.resamples,
                seed=self.seed,
            )
            first = float(np.mean([part.first.mean() for part in parts]))
            second = float(np.mean([part.second.mean() for part in parts]))
            found.append(MeanDifference(task, split, metric, len(parts), first, second, difference))
        return found

    def report_unmatched(self) -> None:
        """Refuse what only later runs have measured."""
        for report in self.runs[1:]:
            for line in report.lines:
                seen = (report.folder, line.content["number"]) in self._seen
                if not seen and line.key not in self._unlike:
                    reason = f"on split {line.split} not measured in {self.runs[0].folder}"
                    self.refused.append(Skipped(line.name, reason))

    def _shared(self, line: Line) -> tuple[Shared, tuple[int, ...]] | str:
        lines = [line]
        for report in self.runs[1:]:
            other, reason = find(line, self.runs[0], report)
            if other is None:
                self._unlike.add(line.key)
                return reason
            self._seen.add((report.folder, other.content["number"]))
            lines.append(other)
        queries = [run.queries(item) for run, item in zip(self.runs, lines, strict=True)]
        kept = [item for item in queries if item is not None]
        if len(kept) < len(queries):
            return "the task keeps no single queries"
        places = join(kept)
        if places is None:
            return "two queries have one id and one instance"
        if not len(places[0]):
            return "the runs share no query"
        runs = tuple(take(item, place) for item, place in zip(kept, places, strict=True))
        reason = _other_answers(runs)
        if reason:
            return reason
        clusters = np.unique(runs[0].cluster, return_inverse=True)[1].ravel().astype(np.int64)
        shared = Shared(runs[: self.num_first], runs[self.num_first :], clusters)
        return shared, tuple(map(len, kept))

    def _metrics(self, line: Line) -> list[str]:
        found = [find(line, self.runs[0], report)[0] for report in self.runs]
        names = [set(item.content["estimates"]) for item in found if item is not None]
        kept = []
        for name in dict.fromkeys(
            name for item in found if item is not None for name in item.content["estimates"]
        ):
            lacking = [
                str(run.folder)
                for run, present in zip(self.runs, names, strict=True)
                if name not in present
            ]
            if lacking:
                reason = f"not measured in {', '.join(lacking)}"
                self.refused.append(Skipped(f"{line.name} {name}", reason))
            else:
                kept.append(name)
        return kept

    def _remember(self, line: Line, metric: str, shared: Shared) -> None:
        sides = []
        for runs in (shared.first, shared.second):
            values = [query_values(metric, run, line.content["headline"]) for run in runs]
            sides.append([value for value in values if value is not None])
        if sides[0] and sides[1]:
            means = (np.mean(side, axis=0) for side in sides)
            found = _Values(shared.first[0].instance, *means)
            self._values.setdefault((line.task, line.split, metric), []).append(found)


def _other_answers(runs: Sequence[Queries]) -> str:
    counts = [run.num_relevant for run in runs if run.num_relevant is not None]
    other = sum((part != counts[0]).astype(np.int64) for part in counts[1:]) if counts else 0
    number = int(np.count_nonzero(other))
    return f"{number:,} of {len(runs[0]):,} queries have other right answers" if number else ""
