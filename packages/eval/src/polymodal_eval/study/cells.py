"""The cells of a table, each with the whole of what it measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from polymodal_core.errors import Problem, suggest

from polymodal_eval.pixel_counts import PIXEL_SCORES
from polymodal_eval.study.grid import SEED, Axis, parse_where
from polymodal_eval.study.tables import (
    ColumnConfig,
    RowConfig,
    Selector,
    Side,
    TableConfig,
    combined,
)

Pair = tuple[tuple[str, ...], tuple[str, ...]]
"""The columns of a query and those of a gallery."""

RANKED = ("r_precision", "map", "median_rank")
CLASSIFIED = ("accuracy", "t1", "top5")
METRICS = {
    "retrieval": ("r@1", "r@5", "r@10", *RANKED),
    "enrichment": ("r@1", "r@5", "r@10", *RANKED),
    "zero_shot": CLASSIFIED,
    "prompts": CLASSIFIED,
    "probe": ("accuracy", "t1"),
    "few_shot": ("accuracy",),
    "episodes": ("accuracy",),
    "classification": ("accuracy", "recall", "precision", "f1", "f1_weighted"),
    "segmentation": PIXEL_SCORES,
}
"""The metrics of the shipped tasks; a task of another package may have others."""


@dataclass(frozen=True)
class Quantity:
    """A number to be measured: a metric's mean over pairs, of the runs that `where` chooses.

    `average` are the axes that need no choice. `pairs` None means all of the task.
    """

    where: Mapping[str, tuple[str, ...]]
    average: tuple[str, ...]
    task: str
    split: str | None
    metric: str
    pairs: tuple[Pair, ...] | None


@dataclass(frozen=True)
class Cell:
    """What stands in a cell: a quantity, maybe less another; or the `mean` of its row's others."""

    quantity: Quantity | None = None
    minus: Quantity | None = None
    relative: bool = False
    mean: bool = False


@dataclass(frozen=True)
class Layout:
    """A table ready to be filled: `cells[row][column]`, None where nothing belongs."""

    config: TableConfig
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


def lay_out(
    config: TableConfig, axes: Sequence[Axis], path: str, problems: list[Problem]
) -> Layout:
    """Resolve a table against the axes, appending every problem found."""
    rows = _rows(config, axes, f"{path}.rows", problems)
    columns = _columns(config, axes, f"{path}.columns", problems)
    _check_names([row.name for row in rows], f"{path}.rows", problems)
    _check_names([column.name for column in columns], f"{path}.columns", problems)
    _check_printed(config, [row.name for row in rows], len(columns), path, problems)
    context = _Context(axes, problems)
    if not rows or not columns:  # their problem is told; the table's own choice may have one too
        context.check(config, path)
    cells = []
    for row in rows:
        for name in row.cells or ():
            if name not in {column.name for column in columns}:
                hint = suggest(name, [column.name for column in columns])
                problems.append(Problem(f"{path}.{row.name}.cells", f"no column '{name}'{hint}"))
        cells.append(
            tuple(
                context.cell(config, column, row, f"{path}.{row.name}.{column.name}")
                for column in columns
            )
        )
    return Layout(
        config,
        tuple(row.name for row in rows),
        tuple(column.name for column in columns),
        tuple(cells),
    )


class _Context:
    """Makes cells; a problem that several cells share is told once, where it is first met."""

    def __init__(self, axes: Sequence[Axis], problems: list[Problem]) -> None:
        self.axes = axes
        self.problems = problems
        self._told: set[str] = set()

    def cell(
        self, table: TableConfig, column: ColumnConfig, row: RowConfig, path: str
    ) -> Cell | None:
        if column.mean:
            return Cell(mean=True)
        special: list[Selector] = []
        if row.cells is not None:
            if column.name not in row.cells:
                return None
            special = [row.cells[column.name]]
        selector = combined(table, column, row, *special)
        found: list[Problem] = []
        quantity = self._quantity(selector, path, found)
        minus = None
        if selector.minus is not None:
            minus = self._quantity(combined(selector, selector.minus), f"{path}.minus", found)
        self._tell(found)
        if quantity is None or (selector.minus is not None and minus is None):
            return None
        return Cell(quantity, minus, bool(selector.relative))

    def check(self, selector: Selector, path: str) -> None:
        """Tell the problems of a selector that makes no cell."""
        found: list[Problem] = []
        parse_where(selector.where, self.axes, f"{path}.where", found)
        self._tell(found)

    def _quantity(self, selector: Selector, path: str, found: list[Problem]) -> Quantity | None:
        before = len(found)
        where = parse_where(selector.where, self.axes, f"{path}.where", found)
        average = (SEED,) if selector.average is None else selector.average
        known = {axis.name for axis in self.axes}
        for name in average:
            if name not in known and selector.average is not None:
                found.append(Problem(f"{path}.average", f"no axis '{name}'{suggest(name, known)}"))
        pairs = _pairs(selector)
        task = selector.task or _task_of(pairs)
        if selector.metric is None:
            found.append(Problem(f"{path}.metric", "is required and not given"))
        elif task in METRICS and not _is_metric(selector.metric, task):
            hint = suggest(selector.metric, METRICS[task])
            message = f"task '{task}' has no metric '{selector.metric}'{hint}"
            found.append(Problem(f"{path}.metric", message))
        if (selector.query is None) != (selector.gallery is None):
            other = "gallery" if selector.gallery is None else "query"
            found.append(Problem(f"{path}.{other}", "is required and not given"))
        if len(found) > before or selector.metric is None:
            return None
        return Quantity(where, average, task, selector.split, selector.metric, pairs)

    def _tell(self, found: Iterable[Problem]) -> None:
        for problem in found:
            if problem.message not in self._told:
                self._told.add(problem.message)
                self.problems.append(problem)


def columns_of(side: Side) -> tuple[str, ...]:
    """Read `"image + text"` or `["image", "text"]`; `prompts (text)` is one, `text`."""
    parts = side.split(" + ") if isinstance(side, str) else side
    return tuple(re.sub(r"^prompts \((.*)\)$", r"\1", part.strip()) for part in parts)


def _pairs(selector: Selector) -> tuple[Pair, ...] | None:
    if selector.between is not None:
        one, other = map(columns_of, selector.between)
        return ((one, other), (other, one))
    if selector.pairs is not None:
        return tuple((columns_of(query), columns_of(gallery)) for query, gallery in selector.pairs)
    if selector.query is None or selector.gallery is None:
        return None
    return ((columns_of(selector.query), columns_of(selector.gallery)),)


def _task_of(pairs: Sequence[Pair] | None) -> str:
    several = any(len(side) > 1 for pair in pairs or () for side in pair)
    return "enrichment" if several else "retrieval"


def _is_metric(metric: str, task: str) -> bool:
    ranked = "map" in METRICS[task]
    return metric in METRICS[task] or (ranked and re.fullmatch(r"r@[1-9]\d*", metric) is not None)


def _rows(
    config: TableConfig, axes: Sequence[Axis], path: str, problems: list[Problem]
) -> list[RowConfig]:
    if isinstance(config.rows, str):
        return _crossed((config.rows,), axes, path, problems)
    listed = [row for row in config.rows if isinstance(row, RowConfig)]
    if not listed:
        names = tuple(row for row in config.rows if isinstance(row, str))
        return _crossed(names, axes, path, problems)
    return listed


def _columns(
    config: TableConfig, axes: Sequence[Axis], path: str, problems: list[Problem]
) -> list[ColumnConfig]:
    if not isinstance(config.columns, str):
        return list(config.columns)
    rows = _crossed((config.columns,), axes, path, problems)
    return [ColumnConfig(name=row.name, where=row.where) for row in rows]


def _crossed(
    names: Sequence[str], axes: Sequence[Axis], path: str, problems: list[Problem]
) -> list[RowConfig]:
    known = {axis.name: axis for axis in axes}
    unknown = [name for name in names if name not in known]
    for name in unknown:
        problems.append(Problem(path, f"no axis '{name}'{suggest(name, known)}"))
    if unknown or not names:
        return []
    return [
        RowConfig(name=", ".join(parts), where=dict(zip(names, parts, strict=True)))
        for parts in product(*(known[name].names for name in names))
    ]


def _check_names(names: Sequence[str], path: str, problems: list[Problem]) -> None:
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem(path, f"'{name}' is there twice; give each a name of its own"))


def _check_printed(
    config: TableConfig, rows: Sequence[str], width: int, path: str, problems: list[Problem]
) -> None:
    for name in config.reference:
        if name not in rows and rows:
            message = f"no row '{name}'{suggest(name, rows)}; rows of others go into `others`"
            problems.append(Problem(f"{path}.reference", message))
    for part in ("reference", "others"):
        for name, numbers in getattr(config, part).items():
            if len(numbers) != width and width:
                message = f'{len(numbers)} numbers for {width} columns; write "-" where none is'
                problems.append(Problem(f"{path}.{part}.{name}", message))
    if config.contrast is not None and config.contrast not in rows and rows:
        hint = suggest(config.contrast, rows)
        problems.append(Problem(f"{path}.contrast", f"no row '{config.contrast}'{hint}"))
