from __future__ import annotations

import tomllib
from typing import Any

import pytest
from polymodal_core.errors import Problem
from polymodal_eval.study.expansion import expand, merged
from polymodal_eval.study.grid import parse_grid, planned_runs

RECIPE = {
    "objective": {
        "kind": "pcmc",
        "temperature": 0.1,
        "pairs": [["image", "text"], ["text", "s", 2]],
    },
    "modalities": {"image": {"encoder": {"kind": "timm", "size": 3}}, "text": {}, "s": {}},
    "evaluation": {
        "tasks": [
            {"kind": "retrieval", "pairs": [["image", "s"], ["text", "image"]]},
            {"kind": "zero_shot", "inputs": ["image", ["image", "s"]], "classes": "text"},
            {"kind": "prompts", "inputs": ["s"], "column": "text"},
            {"kind": "enrichment", "queries": ["image", ["image", "s"]], "galleries": ["text"]},
            {"kind": "enrichment"},
            {"kind": "probe"},
        ]
    },
}


def expanded(grid: str) -> tuple[list[Any], list[str]]:
    problems: list[Problem] = []
    axes = parse_grid(tomllib.loads(grid), problems)
    tables = [expand(RECIPE, axes, run, problems) for run in planned_runs(axes)]
    return tables, [str(problem) for problem in problems]


def test_changes_are_merged_deep_and_leave_the_recipe_alone() -> None:
    before = str(RECIPE)
    table = merged(RECIPE, {"objective": {"temperature": 0.2}, "training": {"epochs": 3}})
    assert table["objective"] == {**RECIPE["objective"], "temperature": 0.2}  # type: ignore[dict-item]
    assert table["training"] == {"epochs": 3}
    assert str(RECIPE) == before


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"kind": "a", "x": 1}, {"kind": "b", "y": 2}, {"kind": "b", "y": 2}),
        ({"kind": "a", "x": 1}, {"kind": "a", "y": 2}, {"kind": "a", "x": 1, "y": 2}),
        ({"x": 1}, {"kind": "part", "y": 2}, {"x": 1, "kind": "part", "y": 2}),
        ({"x": 1}, {"kind": "b"}, {"kind": "b"}),
        ([1, 2], [3], [3]),
        ({"x": 1}, 5, 5),
    ],
)
def test_another_kind_replaces_a_table(old: Any, new: Any, expected: Any) -> None:
    assert merged({"part": old}, {"part": new}) == {"part": expected}


def test_axes_change_the_recipe_one_after_the_other() -> None:
    tables, problems = expanded(
        'seed = [0, 1]\n"objective.temperature" = [0.3]\n'
        "[loss]\nPCMR = { objective = { kind = 'pcmr', rho = 1 } }"
    )
    assert problems == []
    assert [table["seed"] for table in tables] == [0, 1]
    assert tables[0]["objective"] == {"kind": "pcmr", "rho": 1}  # the later axis counts


def test_columns_that_are_dropped_leave_pairs_and_tasks() -> None:
    (table,), problems = expanded('[c]\nx = { columns = ["image", "text"] }')
    assert problems == []
    assert list(table["modalities"]) == ["image", "text"]
    assert table["objective"]["pairs"] == [["image", "text"]]
    assert table["evaluation"]["tasks"] == [
        {"kind": "retrieval", "pairs": [["text", "image"]]},
        {"kind": "zero_shot", "inputs": ["image"], "classes": "text"},
        {"kind": "probe"},
    ]


def test_enrichment_stays_where_a_combination_is_left() -> None:
    (table,), _ = expanded('[c]\nx = { columns = ["image", "text", "s"] }')
    assert table == RECIPE


def test_an_unknown_column_is_said() -> None:
    _, problems = expanded('[c]\nx = { columns = ["imgae", "text"] }')
    assert problems == [
        "grid.c.x.columns: the recipe has no column 'imgae'; did you mean 'image'? "
        "known: image, s, text"
    ]


def test_weights_of_streams_that_are_left_out_go_too() -> None:
    (table,), problems = expanded(
        "[columns]\n"
        'A = { columns = ["image"], objective = { kind = "classification", '
        "streams = { image = 0.5, text = 2.0 } }, evaluation.tasks = ["
        '{ kind = "classification", remove = ["text"] }] }'
    )
    assert problems == []
    assert table["objective"] == {"kind": "classification", "streams": {"image": 0.5}}
    assert table["evaluation"]["tasks"] == [{"kind": "classification", "remove": []}]
