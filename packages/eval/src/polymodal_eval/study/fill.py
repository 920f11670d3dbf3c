"""Filling the tables of a study from the reports of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from polymodal_eval.comparison.reports import Report
from polymodal_eval.statistics import Estimate
from polymodal_eval.study.cells import Cell, Layout, Quantity
from polymodal_eval.study.file import Study
from polymodal_eval.study.formulas import (
    Average,
    Difference,
    Formula,
    Mean,
    by_run,
    estimates,
    samples_in,
)
from polymodal_eval.study.grid import PlannedRun
from polymodal_eval.study.samples import NotMeasured, Sample, samples_of, shared


@dataclass(frozen=True)
class Filled:
    """A number of a table: its estimate, or the `reason` why there is none.

    `runs` are its values run by run, by what tells the runs apart; `num_runs` of `planned` runs
    are in it, with `queries` queries in all. A `signed` number is a difference,
    `relative` to what was subtracted or not.
    """

    estimate: Estimate | None = None
    reason: str = ""
    metric: str = ""
    runs: Mapping[str, float] | None = None
    num_runs: int = 0
    planned: int = 0
    queries: int = 0
    signed: bool = False
    relative: bool = False


@dataclass(frozen=True)
class FilledRow:
    """A row: a number per column, None where nothing belongs, and the contrasts of the same."""

    name: str
    cells: tuple[Filled | None, ...]
    contrasts: tuple[Filled | None, ...] = ()


@dataclass(frozen=True)
class FilledTable:
    """A table of a study with its numbers."""

    layout: Layout
    rows: tuple[FilledRow, ...]

    @property
    def reasons(self) -> dict[str, list[str]]:
        """Why cells are empty: the cells of each reason, by row and column."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            for part, cells in (("", row.cells), (" contrast", row.contrasts)):
                for column, cell in zip(self.layout.columns, cells or (), strict=False):
                    if cell is not None and cell.reason:
                        found.setdefault(cell.reason, []).append(f"{row.name}, {column}{part}")
        return found


@dataclass(frozen=True)
class _Part:
    """A cell's formula with what is said of it; without one, the reason."""

    formula: Formula | None
    filled: Filled


def fill(
    study: Study,
    reports: Mapping[str, Report],
    lacking: Mapping[str, str],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> list[FilledTable]:
    """Fill every table from the reports, by the runs' folders; `lacking` says why one has none."""
    return [
        _Filling(study, layout, reports, lacking).table(resamples=resamples, seed=seed)
        for layout in study.tables
    ]


class _Filling:
    """Makes the formulas of a table, then estimates them all at once."""

    def __init__(
        self,
        study: Study,
        layout: Layout,
        reports: Mapping[str, Report],
        lacking: Mapping[str, str],
    ) -> None:
        self.study = study
        self.layout = layout
        self.reports = reports
        self.lacking = lacking
        # Cells that repeat a quantity share its samples, and so its draws.
        self._known: list[tuple[Quantity, list[Sample]]] = []

    def table(self, *, resamples: int, seed: int) -> FilledTable:
        rows = [self._row(cells) for cells in self.layout.cells]
        contrasts = self._contrasts(rows)
        parts = [part for row in (*rows, *contrasts) for part in row if part is not None]
        formulas = [part.formula for part in parts if part.formula is not None]
        found = iter(estimates(formulas, resamples=resamples, seed=seed))
        filled = [list(_estimated(row, found)) for row in (*rows, *contrasts)]
        return FilledTable(
            self.layout,
            tuple(
                FilledRow(name, tuple(filled[number]), tuple(more))
                for number, name in enumerate(self.layout.rows)
                for more in [filled[len(rows) + number] if contrasts else []]
            ),
        )

    def _row(self, cells: Sequence[Cell | None]) -> list[_Part | None]:
        parts = [None if cell is None or cell.mean else self._part(cell) for cell in cells]
        own = [part for part in parts if part is not None]
        return [
            _mean_of(own) if cell is not None and cell.mean else part
            for cell, part in zip(cells, parts, strict=True)
        ]

    def _part(self, cell: Cell) -> _Part:
        assert cell.quantity is not None
        metric = cell.quantity.metric
        runs, planned = self._counts(cell.quantity)
        about = Filled(metric=metric, num_runs=runs, planned=planned)
        try:
            formula: Formula = Mean(tuple(self._measured(cell.quantity)))
            if cell.minus is not None:
                second = Mean(tuple(self._measured(cell.minus)))
                formula = _paired(formula, second, relative=cell.relative)
        except NotMeasured as error:
            return _Part(None, _with(about, reason=str(error)))
        signed = cell.minus is not None
        return _Part(formula, _with(about, formula, signed=signed, relative=cell.relative))

    def _measured(self, quantity: Quantity) -> list[Sample]:
        for known, samples in self._known:
            if known == quantity:
                return samples
        planned = self.study.matching(quantity)
        if not planned:
            raise NotMeasured(_none_planned(quantity))
        runs = [run for run in planned if run.folder in self.reports]
        if not runs:
            reasons = dict.fromkeys(
                self.lacking.get(run.folder, "not evaluated") for run in planned
            )
            names = ", ".join(run.folder for run in planned)
            raise NotMeasured(f"{names}: {'; '.join(reasons)}")
        keys = [_run_key(run, quantity) for run in runs]
        found = samples_of(quantity, [self.reports[run.folder] for run in runs], keys)
        self._known.append((quantity, found))
        return found

    def _counts(self, quantity: Quantity) -> tuple[int, int]:
        planned = self.study.matching(quantity)
        return sum(run.folder in self.reports for run in planned), len(planned)

    def _contrasts(self, rows: Sequence[Sequence[_Part | None]]) -> list[list[_Part | None]]:
        name = self.layout.config.contrast
        if name is None:
            return []
        base = rows[self.layout.rows.index(name)]
        return [
            [
                None if row is base else _contrast(part, other)
                for part, other in zip(row, base, strict=True)
            ]
            for row in rows
        ]


def _none_planned(quantity: Quantity) -> str:
    chosen = "; ".join(f"{axis} = {', '.join(names)}" for axis, names in quantity.where.items())
    columns = dict.fromkeys(name for pair in quantity.pairs or () for side in pair for name in side)
    return f"no run of {chosen or 'the grid'} has {' and '.join(columns)}"


def _run_key(run: PlannedRun, quantity: Quantity) -> str:
    return ", ".join(
        f"{axis} {run.choice[axis]}" for axis in quantity.average if axis in run.choice
    )


def _with(about: Filled, formula: Formula | None = None, **changes: object) -> Filled:
    found: Filled = replace(about, **changes)  # type: ignore[arg-type]
    if formula is None:
        return found
    samples = {id(sample): sample for sample in samples_in(formula)}
    queries = sum(len(sample.keys) for sample in samples.values())
    return replace(found, runs=by_run(formula), queries=queries)


def _mean_of(parts: Sequence[_Part]) -> _Part:
    formulas = [part.formula for part in parts if part.formula is not None]
    if not parts or len(formulas) < len(parts):
        empty = sum(part.formula is None for part in parts)
        reason = f"{empty} of the row's {len(parts)} cells are empty"
        return _Part(None, Filled(reason=reason))
    metrics = {part.filled.metric for part in parts}
    signs = {(part.filled.signed, part.filled.relative) for part in parts}
    if len(metrics) > 1 or len(signs) > 1:
        return _Part(None, Filled(reason="the row's cells are of several metrics"))
    formula = Average(tuple(formulas))
    fewest = min(parts, key=lambda part: part.filled.num_runs)
    return _Part(formula, _with(fewest.filled, formula))


def _contrast(part: _Part | None, base: _Part | None) -> _Part | None:
    if part is None or base is None:
        return None
    if part.formula is None or base.formula is None:
        return _Part(None, Filled(metric=part.filled.metric))
    about = Filled(metric=part.filled.metric, num_runs=part.filled.num_runs, signed=True)
    try:
        formula = _paired(part.formula, base.formula)
    except NotMeasured as error:
        return _Part(None, _with(about, reason=str(error)))
    relative = part.filled.relative
    return _Part(formula, _with(about, formula, relative=relative, planned=part.filled.planned))


def _paired(first: Formula, second: Formula, *, relative: bool = False) -> Difference:
    """Subtract formulas over the queries that both sides have, pair by pair."""
    one, other = samples_in(first), samples_in(second)
    if len(one) == len(other):
        both = [shared(*pair) for pair in zip(one, other, strict=True)]
        first = _replaced(first, iter([pair[0] for pair in both]))
        second = _replaced(second, iter([pair[1] for pair in both]))
    return Difference(first, second, relative)


def _replaced(formula: Formula, samples: Iterator[Sample]) -> Formula:
    if isinstance(formula, Mean):
        return Mean(tuple(next(samples) for _ in formula.samples))
    if isinstance(formula, Difference):
        first = _replaced(formula.first, samples)
        return Difference(first, _replaced(formula.second, samples), formula.relative)
    return Average(tuple(_replaced(part, samples) for part in formula.parts))


def _estimated(row: Sequence[_Part | None], found: Iterator[Estimate]) -> Iterator[Filled | None]:
    for part in row:
        if part is None:
            yield None
        elif part.formula is None:
            yield part.filled
        else:
            yield _with(part.filled, estimate=next(found))
