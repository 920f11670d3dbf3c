from __future__ import annotations

from polymodal_core.errors import Problem
from polymodal_eval.study.cells import Cell, Layout, columns_of, lay_out
from polymodal_eval.study.grid import parse_grid
from polymodal_eval.study.tables import TableConfig

GRID = {"seed": [0, 1], "o": {"A": {}, "B": {}}, "c": {"x": {}, "y": {}}}


def laid_out(**given: object) -> tuple[Layout, list[str]]:
    problems: list[Problem] = []
    axes = parse_grid(GRID, problems)
    config = TableConfig.model_validate({"title": "T", "metric": "r@1", **given})
    return lay_out(config, axes, "tables.0", problems), [str(problem) for problem in problems]


def cell_of(layout: Layout, row: int = 0, column: int = 0) -> Cell:
    cell = layout.cells[row][column]
    assert cell is not None
    return cell


def test_columns_of_a_side() -> None:
    assert columns_of("image") == ("image",)
    assert columns_of("image + text") == columns_of(("image", "text")) == ("image", "text")
    assert columns_of("prompts (text)") == ("text",)


def test_rows_may_cross_axes_and_columns_be_an_axis() -> None:
    layout, problems = laid_out(rows=("o", "c"), columns="seed", between=("i", "t"))
    assert problems == []
    assert layout.rows == ("A, x", "A, y", "B, x", "B, y")
    assert layout.columns == ("0", "1")
    quantity = cell_of(layout, 2, 1).quantity
    assert quantity is not None
    assert quantity.where == {"o": ("B",), "c": ("x",), "seed": ("1",)}
    assert quantity.pairs == ((("i",), ("t",)), (("t",), ("i",)))


def test_task_is_enrichment_where_a_side_combines_columns() -> None:
    tasks = []
    for query in ("i", ["i", "a"], "i + a"):
        layout, _ = laid_out(rows="o", columns=[{"name": "c"}], query=query, gallery="t")
        quantity = cell_of(layout).quantity
        assert quantity is not None
        tasks.append(quantity.task)
    assert tasks == ["retrieval", "enrichment", "enrichment"]


def test_the_row_counts_more_than_the_column_and_its_cells_most() -> None:
    layout, problems = laid_out(
        where={"o": "A"},
        columns=[{"name": "u", "where": {"c": "x"}, "metric": "r@5"}, {"name": "v"}],
        rows=[
            {"name": "r", "where": {"c": "y"}},
            {"name": "s", "cells": {"u": {"metric": "map", "where": {"o": "B"}}}},
        ],
    )
    assert problems == []
    first, second = cell_of(layout).quantity, cell_of(layout, 1).quantity
    assert first is not None
    assert second is not None
    assert (first.metric, first.where) == ("r@5", {"o": ("A",), "c": ("y",)})
    assert (second.metric, second.where) == ("map", {"o": ("B",), "c": ("x",)})
    assert layout.cells[1][1] is None  # a row with `cells` has no others


def test_minus_is_the_cell_with_changes() -> None:
    layout, _ = laid_out(
        rows="o",
        columns=[{"name": "u", "between": ["i", "t"]}],
        where={"c": "y"},
        minus={"where": {"c": "x"}, "metric": "r@5"},
        relative=True,
    )
    cell = cell_of(layout, 1)
    assert cell.quantity is not None
    assert cell.minus is not None
    assert cell.relative
    assert (cell.minus.where, cell.minus.metric) == ({"o": ("B",), "c": ("x",)}, "r@5")
    assert cell.minus.pairs == cell.quantity.pairs


def test_a_problem_that_cells_share_is_told_once() -> None:
    _, problems = laid_out(rows="o", columns=[{"name": "u"}, {"name": "v"}], where={"c": "z"})
    assert problems == ["tables.0.A.u.where.c: axis 'c' has no 'z'; known: x, y"]


def test_metrics_of_tasks() -> None:
    for metric, task, fine in (
        ("r@3", "retrieval", True),
        ("r@0", "retrieval", False),
        ("t1", "zero_shot", True),
        ("map", "prompts", False),
        ("anything", "task_of_a_plugin", True),
    ):
        problems = laid_out(rows="o", columns=[{"name": "u"}], metric=metric, task=task)[1]
        assert (problems == []) is fine, metric
