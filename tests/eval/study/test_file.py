from __future__ import annotations

import tomllib

import pytest
from polymodal_core.errors import Problem, RecipeError
from polymodal_eval.study.file import parse_study

from tests.eval.study.studies import STUDY, study_of

TABLE = """
[[tables]]
title = "T"
metric = "r@1"
where = { columns = "all" }
rows = "objective"
columns = [{ name = "x", pairs = [["image", "text"]] }]
"""


def problems_of(tables: str, *, grid: str = STUDY) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        study_of(tables, grid=grid)
    return [str(problem) for problem in caught.value.problems]


def test_a_study_is_its_runs_recipes_and_tables() -> None:
    study = study_of(TABLE)
    assert [run.folder for run in study.runs][:3] == ["a-i-t-seed0", "a-all-seed0", "b-i-t-seed0"]
    assert [list(recipe["modalities"]) for recipe in study.recipes][:2] == [
        ["image", "text"],
        ["image", "text", "prototypes"],
    ]
    (layout,) = study.tables
    assert (layout.rows, layout.columns) == (("A", "B"), ("x",))
    cell = layout.cells[1][0]
    assert cell is not None
    assert cell.quantity is not None
    assert [run.folder for run in study.matching(cell.quantity)] == ["b-all-seed0", "b-all-seed1"]


def test_every_problem_is_told_at_once() -> None:
    found = problems_of(
        """
[unknown]
[[exclude]]
objectiv = "A"
[[exclude]]
[[tables]]
titel = "T"
rows = "objective"
columns = 3
[[tables]]
title = "U"
rows = "objektive"
columns = [{ name = "x", wherre = 3 }, { name = "y", between = ["image"] }]
[[tables]]
title = "V"
where = { columns = "al" }
metric = "r@1"
rows = "objective"
columns = [{ name = "x", pairs = [["image", "text"]] }]
"""
    )
    starts = [
        "unknown: unknown section; known: exclude, grid, recipe, tables",
        "exclude.0.objectiv: no axis 'objectiv'; did you mean 'objective'?",
        "exclude.1: names no axis and would exclude all",
        "tables.0.columns: must name an axis or list tables",
        "tables.0.title: is required and not given",
        "tables.0.titel: unknown key; did you mean 'title'?",
        "tables.1.columns.0.wherre: unknown key; did you mean 'where'?",
        "tables.1.columns.1.between",
        "tables.2.A.x.where.columns: axis 'columns' has no 'al'; did you mean 'all'?",
    ]
    assert len(found) == len(starts), "\n".join(found)
    assert all(text.startswith(start) for text, start in zip(found, starts, strict=True))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('metric = "r@1"', "", "tables.0.A.x.metric: is required and not given"),
        (
            '"r@1"',
            '"r_precison"',
            "tables.0.A.x.metric: task 'retrieval' has no metric 'r_precison'; "
            "did you mean 'r_precision'?",
        ),
        ('"r@1"', '"t1"', "tables.0.A.x.metric: task 'retrieval' has no metric 't1'"),
        (
            '"image", "text"',
            '"imgae", "text"',
            "tables.0.A.x: no run has a column 'imgae'; did you mean 'image'?",
        ),
        (
            'where = { columns = "all" }',
            "",
            "tables.0.A.x: would average over columns = I+T, all; choose one with where.columns, "
            'or say average = ["columns"]',
        ),
        (
            'rows = "objective"',
            'rows = [{ name = "r", where = { objective = "A", columns = "I+T" } }]\n'
            'query = "image"\ngallery = "prototypes"',
            None,
        ),
        (
            'rows = "objective"',
            'rows = "objective"\nreference = { A = [1, 2], C = [3] }\ncontrast = "D"',
            "tables.0.reference: no row 'C'; known: A, B; rows of others go into `others`",
        ),
        (
            'rows = "objective"',
            'rows = [{ name = "r", where = { objective = "A" }, cells = { y = {} } }]',
            "tables.0.r.cells: no column 'y'; known: x",
        ),
        ('rows = "objective"', 'rows = "objectiv"', "tables.0.rows: no axis 'objectiv'"),
        ('rows = "objective"', 'rows = "objective"\naverage = ["sede"]', "tables.0.A.x.average"),
        ('rows = "objective"', 'rows = "objective"\nminus = { minus = {} }', "tables.0: minus"),
        (
            '{ name = "x", pairs = [["image", "text"]] }',
            '{ name = "x", query = "image" }',
            "tables.0.A.x.gallery: is required and not given",
        ),
        (
            '{ name = "x", pairs = [["image", "text"]] }',
            '{ name = "x" }, { name = "x" }',
            "tables.0.columns: 'x' is there twice",
        ),
        (
            '{ name = "x", pairs = [["image", "text"]] }',
            '{ name = "x", pairs = [["image", "text"]], between = ["image", "text"] }',
            "tables.0.columns.0: give one of pairs, between, or query and gallery",
        ),
    ],
)
def test_what_is_no_table_is_said(old: str, new: str, message: str | None) -> None:
    assert old in TABLE
    if message is None:
        study_of(TABLE.replace(old, new))  # the column's pairs replace the table's query
        return
    found = problems_of(TABLE.replace(old, new))
    assert found[0].startswith(message)


def test_a_row_that_no_run_fills_is_said() -> None:
    table = TABLE.replace('"all"', '"I+T"').replace('"text"]]', '"prototypes"]]')
    assert problems_of(table)[0] == "tables.0.A: no run of the grid has these"


def test_without_recipe_or_runs() -> None:
    assert problems_of("", grid="[grid]\nseed = [0]") == ["recipe: is required and not given"]
    assert problems_of("[[exclude]]\nseed = [0, 1]") == ["exclude: leaves no run"]
    assert problems_of("", grid="[recipe]") == [
        "grid: a study needs an axis at least; write seed = [0, 1, 2] into [grid]"
    ]


def test_problems_of_recipes_stand_beside_those_of_tables() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_study(
            tomllib.loads(STUDY + TABLE.replace("r@1", "r@0")),
            source="mine.toml",
            check=lambda study: [Problem("recipe", f"{len(study.runs)} runs")],
        )
    assert "mine.toml: 2 problems" in str(caught.value)
    assert "recipe: 8 runs" in str(caught.value)
