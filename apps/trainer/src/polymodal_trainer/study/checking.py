"""All recipes of a study, validated before the first run starts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from polymodal_core.errors import Problem, RecipeError
from polymodal_core.plugins import Registry
from polymodal_core.recipe import Recipe
from polymodal_eval.study.file import Study
from polymodal_eval.study.grid import SEED, PlannedRun

from polymodal_trainer.resolve import resolve

MOST_NAMED = 3
"""Runs that a problem is said of by name; the others are counted."""


class RecipeCheck:
    """Resolves the recipes of a study's runs: `recipes`, by folder, once it has been called."""

    def __init__(self, registry: Registry) -> None:
        """Start with nothing resolved."""
        self.registry = registry
        self.recipes: dict[str, Recipe] = {}

    def __call__(self, study: Study) -> list[Problem]:
        """Give the problems of all recipes, those of some runs alone with their names.

        A variant that makes no difference is a problem too: two runs would be one.
        """
        found: dict[Problem, list[PlannedRun]] = {}
        for run, table in zip(study.runs, study.recipes, strict=True):
            try:
                self.recipes[run.folder] = resolve(table, registry=self.registry)
            except RecipeError as error:
                for problem in error.problems:
                    found.setdefault(_of_axis(problem, study), []).append(run)
        problems = [
            Problem(problem.path, f"{problem.message} {_among(runs, len(study.runs))}".rstrip())
            for problem, runs in found.items()
        ]
        return problems + _without_effect(study.runs, self.recipes)


def _of_axis(problem: Problem, study: Study) -> Problem:
    # What an axis sets stands in the grid.
    for axis in study.axes:
        if axis.field and problem.path == axis.name:
            unknown = problem.message.startswith("unknown section")
            hint = f"; known: {SEED}, or a path such as training.epochs" if unknown else ""
            message = f"no such field of a recipe{hint}" if unknown else problem.message
            return Problem(f"grid.{axis.name}", message)
    return problem


def _without_effect(runs: Iterable[PlannedRun], recipes: dict[str, Recipe]) -> list[Problem]:
    seen: dict[str, PlannedRun] = {}
    messages: dict[tuple[str, str], None] = {}
    for run in runs:
        if run.folder not in recipes:
            continue
        text = json.dumps(recipes[run.folder].table, sort_keys=True, default=str)
        other = seen.setdefault(text, run)
        if other is not run:
            differing = [axis for axis in run.choice if run.choice[axis] != other.choice[axis]]
            values = " and ".join(
                ", ".join(item.choice[axis] for axis in differing) for item in (other, run)
            )
            messages[f"grid.{'/'.join(differing)}", f"{values} give the same recipe"] = None
    return [Problem(path, message) for path, message in messages]


def _among(runs: Sequence[PlannedRun], total: int) -> str:
    if len(runs) == total:
        return "" if total == 1 else f"(all {total} runs)"
    names = ", ".join(run.folder for run in runs[:MOST_NAMED])
    more = f" and {len(runs) - MOST_NAMED} more" if len(runs) > MOST_NAMED else ""
    return f"(run{'s' if len(runs) > 1 else ''} {names}{more})"
