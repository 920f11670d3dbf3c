"""A study's file: `[recipe]`, `[grid]`, `[[exclude]]` and `[[tables]]`, read and checked whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polymodal_core.config import Configuration
from polymodal_core.errors import Problem, RecipeError, suggest
from polymodal_core.problems import problems_of
from pydantic import TypeAdapter, ValidationError

from polymodal_eval.study.cells import Layout, Pair, Quantity, lay_out
from polymodal_eval.study.expansion import expand
from polymodal_eval.study.grid import (
    Axis,
    PlannedRun,
    Table,
    folder_problems,
    parse_grid,
    parse_where,
    planned_runs,
)
from polymodal_eval.study.tables import ColumnConfig, RowConfig, TableConfig

FILE = "study.toml"
"""Name of a study's file in its folder."""

SECTIONS = ("recipe", "grid", "exclude", "tables")
COLUMN_TASKS = {"retrieval", "enrichment", "zero_shot"}


@dataclass(frozen=True)
class Study:
    """A study: the axes of its grid, its runs with their recipes, its tables.

    `recipes` [runs] are whole, but not validated. `table` is the plain content of the file.
    """

    axes: tuple[Axis, ...]
    runs: tuple[PlannedRun, ...]
    recipes: tuple[Table, ...]
    tables: tuple[Layout, ...]
    table: Table

    def matching(self, quantity: Quantity) -> list[PlannedRun]:
        """Give the runs that a quantity is measured on: those that have all of its columns."""
        return [
            run
            for run, recipe in zip(self.runs, self.recipes, strict=True)
            if run.matches(quantity.where) and not lacking(quantity, recipe)
        ]


def parse_study(
    table: Table, *, source: str, check: Callable[[Study], list[Problem]] | None = None
) -> Study:
    """Read a study's table, whose `[recipe]` is whole; raises RecipeError with every problem.

    `check` adds problems that it finds in the recipes of the runs.
    """
    problems = [
        Problem(name, f"unknown section{suggest(name, SECTIONS)}")
        for name in table
        if name not in SECTIONS
    ]
    recipe = table.get("recipe")
    if not isinstance(recipe, Mapping):
        problems.append(Problem("recipe", "is required and not given"))
        recipe = {}
    axes = parse_grid(table.get("grid"), problems)
    runs = planned_runs(axes, _clauses(table.get("exclude", []), axes, problems)) if axes else []
    problems += folder_problems(runs)
    if axes and not runs and not problems:
        problems.append(Problem("exclude", "leaves no run"))
    unknown: list[Problem] = []
    recipes = [expand(dict(recipe), axes, run, unknown) for run in runs]
    problems += dict.fromkeys(unknown)
    layouts = _tables(table.get("tables", []), axes, problems)
    study = Study(axes, tuple(runs), tuple(recipes), tuple(layouts), table)
    if check is not None:
        problems += check(study)
    if not problems:
        problems += _unanswered(study)
    if problems:
        raise RecipeError(problems, source=source)
    return study


def lacking(quantity: Quantity, recipe: Table) -> list[str]:
    """Name the columns that a quantity compares and a run of this recipe lacks."""
    if quantity.pairs is None:
        return []
    columns = recipe.get("modalities", {})
    named = {name for pair in quantity.pairs for name in _columns_named(quantity, pair)}
    return sorted(named - set(columns))


def _columns_named(quantity: Quantity, pair: Pair) -> tuple[str, ...]:
    query, gallery = pair
    if quantity.task in (
        "classification",
        "segmentation",
    ):  # "row", "row, 50 % without text" are no columns
        return () if len(query) == 1 and query[0].partition(",")[0] == "row" else query
    return (*query, *(gallery if quantity.task in COLUMN_TASKS else ()))


def _clauses(
    given: Any, axes: Sequence[Axis], problems: list[Problem]
) -> list[dict[str, tuple[str, ...]]]:
    if not isinstance(given, list):
        problems.append(Problem("exclude", "is a list of tables; write [[exclude]]"))
        return []
    found = []
    for number, clause in enumerate(given):
        where = parse_where(clause, axes, f"exclude.{number}", problems)
        if where:
            found.append(where)
        elif clause == {}:
            problems.append(Problem(f"exclude.{number}", "names no axis and would exclude all"))
    return found


def _tables(given: Any, axes: Sequence[Axis], problems: list[Problem]) -> list[Layout]:
    if not isinstance(given, list):
        problems.append(Problem("tables", "is a list of tables; write [[tables]]"))
        return []
    found = []
    for number, item in enumerate(given):
        path = f"tables.{number}"
        before = len(problems)
        config = _table(item, path, problems)
        if config is None or len(problems) > before:
            continue
        if axes:
            found.append(lay_out(config, axes, path, problems))
    return found


def _table(given: Any, path: str, problems: list[Problem]) -> TableConfig | None:
    if not isinstance(given, Mapping):
        problems.append(Problem(path, f"must be a table; given {given!r}"))
        return None
    # Rows and columns are of several forms each: pydantic would complain for every one of them.
    listed: dict[str, Any] = {}
    for key, kind in (("rows", RowConfig), ("columns", ColumnConfig)):
        value = given.get(key, ())
        if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            items = enumerate(value)
            parsed = [
                _valid(kind, item, f"{path}.{key}.{place}", problems) for place, item in items
            ]
            listed[key] = tuple(item for item in parsed if item is not None)
        elif isinstance(value, str) or _names_axes(value, key):
            listed[key] = value
        elif key in given:
            one = key.removesuffix("s")
            message = f"must name an axis or list tables, {{ name = ..., }} for each {one}"
            problems.append(Problem(f"{path}.{key}", f"{message}; given {value!r}"))
            listed[key] = ()
    found: TableConfig | None = _valid(TableConfig, {**given, **listed}, path, problems)
    return found


def _names_axes(value: Any, key: str) -> bool:
    return key == "rows" and isinstance(value, list) and all(isinstance(x, str) for x in value)


def _valid(kind: type[Configuration], given: Any, path: str, problems: list[Problem]) -> Any:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problems += problems_of(error, kind, given, path=path)
        return None


def _unanswered(study: Study) -> list[Problem]:
    # Columns that no run has, rows that no run fills, averages over what differs.
    every = {name for recipe in study.recipes for name in recipe.get("modalities", {})}
    found: list[Problem] = []
    for number, layout in enumerate(study.tables):
        for name, row in zip(layout.rows, layout.cells, strict=True):
            filled = False
            for column, cell in zip(layout.columns, row, strict=True):
                path = f"tables.{number}.{name}.{column}"
                for part in (cell.quantity, cell.minus) if cell is not None else ():
                    if part is None:
                        continue
                    lost = [
                        Problem(path, f"no run has a column '{item}'{suggest(item, every)}")
                        for pair in part.pairs or ()
                        for item in _columns_named(part, pair)
                        if item not in every
                    ]
                    found += lost or _open_axes(study, part, path)
                    filled = filled or bool(study.matching(part))
            if not filled and any(cell is not None for cell in row) and not found:
                found.append(Problem(f"tables.{number}.{name}", "no run of the grid has these"))
    unique = {problem.message: problem for problem in reversed(found)}
    return list(reversed(unique.values()))


def _open_axes(study: Study, quantity: Quantity, path: str) -> list[Problem]:
    runs = study.matching(quantity)
    found = []
    for axis in study.axes:
        names = list(dict.fromkeys(run.choice[axis.name] for run in runs))
        if len(names) > 1 and axis.name not in quantity.average:
            message = (
                f"would average over {axis.name} = {', '.join(names)}; choose one with "
                f'where.{axis.name}, or say average = ["{axis.name}"]'
            )
            found.append(Problem(path, message))
    return found
