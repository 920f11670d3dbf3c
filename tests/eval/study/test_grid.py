from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.errors import Problem
from polymodal_eval.study.grid import (
    folder_problems,
    nested,
    parse_grid,
    parse_where,
    planned_runs,
    slug,
    variant_name,
)


def parsed(grid: Any) -> tuple[Any, list[str]]:
    problems: list[Problem] = []
    axes = parse_grid(grid, problems)
    return axes, [str(problem) for problem in problems]


def test_every_combination_is_a_run_in_a_folder_that_says_which() -> None:
    axes, problems = parsed(
        {
            "seed": [0, 1],
            "objective.rho": [0.5],
            "training.optimizer": ["adam"],
            "columns": {"I+T": {"columns": ["image", "text"]}, "all": {}},
        }
    )
    assert problems == []
    runs = planned_runs(axes)
    assert [run.folder for run in runs] == [
        "i-t-seed0-rho0.5-adam", "all-seed0-rho0.5-adam",
        "i-t-seed1-rho0.5-adam", "all-seed1-rho0.5-adam",
    ]  # fmt: skip
    assert runs[0].choice == {
        "seed": "0",
        "objective.rho": "0.5",
        "training.optimizer": "adam",
        "columns": "I+T",
    }
    assert axes[1].variants[0].changes == {"objective": {"rho": 0.5}}
    assert axes[3].variants[0].columns == ("image", "text")


def test_a_growing_grid_keeps_the_names_of_its_folders() -> None:
    few = planned_runs(parsed({"seed": [0], "o": {"a": {}}})[0])
    more = planned_runs(parsed({"seed": [0, 1], "o": {"a": {}, "b": {}}})[0])
    assert {run.folder for run in few} < {run.folder for run in more}


def test_excluded_combinations_are_no_runs() -> None:
    axes, _ = parsed({"seed": [0, 1, 2], "o": {"a": {}, "b": {}}})
    runs = planned_runs(axes, [{"seed": ("1", "2"), "o": ("b",)}])
    assert [run.folder for run in runs] == ["a-seed0", "b-seed0", "a-seed1", "a-seed2"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (None, "grid: a study needs an axis at least"),
        ({"seed": []}, "grid.seed: has no value"),
        ({"seed": 3}, "grid.seed: must be a list of values or a table of named variants; given 3"),
        ({"seed": [0, 0]}, "grid.seed: '0' is listed twice"),
        ({"a..b": [0]}, "grid.a..b: is no path of a recipe"),
        (
            {"objective.pairs": [[1]]},
            "grid.objective.pairs: [1] has no short name; make the axis a table of named variants: "
            "[grid.pairs] A = { objective.pairs = ... }",
        ),
        (
            {"objective": {"rho": [0.0, 1.0]}},
            "grid.objective.rho: a variant is a table of changes to the recipe; an axis over one "
            'field is quoted: "objective.rho" = [0.0, 1.0]',
        ),
        ({"o": {"a": {"columns": "image"}}}, "grid.o.a.columns: must be a list of names"),
        ({"o": {"++": {}}}, "grid.o.++: a name needs a letter or digit"),
    ],
)
def test_what_is_no_grid_is_said(grid: Any, message: str) -> None:
    (problem,) = parsed(grid)[1]
    assert problem.startswith(message)


def test_two_runs_cannot_lie_in_one_folder() -> None:
    axes, _ = parsed({"o": {"a b": {}, "a-b": {}}})
    (problem,) = folder_problems(planned_runs(axes))
    assert str(problem) == "grid: o = a b and o = a-b would both lie in a-b/; rename one"


def test_a_choice_of_variants_by_name_or_value() -> None:
    axes, _ = parsed({"seed": [0, 1], "data.flip": [True, False], "o": {"PCMC": {}}})
    problems: list[Problem] = []
    where = parse_where({"seed": [0, "1"], "data.flip": True, "o": "PCMC"}, axes, "here", problems)
    assert where == {"seed": ("0", "1"), "data.flip": ("true",), "o": ("PCMC",)}
    assert problems == []
    parse_where({"o": "PCMR", "sede": 0}, axes, "here", problems)
    parse_where(3, axes, "there", problems)
    assert [str(problem) for problem in problems] == [
        "here.o: axis 'o' has no 'PCMR'; did you mean 'PCMC'? known: PCMC",
        "here.sede: no axis 'sede'; did you mean 'seed'? known: data.flip, o, seed",
        "there: must be a table of axes; given 3",
    ]


def test_names() -> None:
    assert slug("I+T, fine-tuned (rho = 0.5)") == "i-t-fine-tuned-rho-0.5"
    assert [variant_name(value) for value in (True, 0.5, 3, "Adam")] == ["true", "0.5", "3", "Adam"]
    assert nested("a.b.c", 1) == {"a": {"b": {"c": 1}}}
