"""From a recipe's table to a validated recipe, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from polymodal_core.errors import Problem, RecipeError
from polymodal_core.plugins import Registry
from polymodal_core.recipe import Recipe, load_recipe, override, read_toml, recipe_schema

Table = dict[str, Any]
REQUIRED = "is required and not given"


def sections(registry: Registry) -> dict[str, Any]:
    """Give what validates each section of a recipe beside its columns."""
    from polymodal_datasets.config import DataConfig
    from polymodal_eval.config import evaluation_config

    from polymodal_trainer.config import TrainingConfig

    return {
        "data": DataConfig,
        "objective": registry.union("objective"),
        "training": TrainingConfig,
        "evaluation": evaluation_config(registry),
    }


def resolve(table: Table, *, registry: Registry, source: str = "recipe") -> Recipe:
    """Validate a recipe whole and fill in its defaults, the seed's (0) among them.

    Raises RecipeError with every problem at once.
    """
    table = {"seed": 0, **table}
    problems = _seed_problems(table["seed"])
    try:
        recipe = load_recipe(table, registry=registry, sections=sections(registry), source=source)
    except RecipeError as error:
        problems += [_with_setting(problem) for problem in error.problems]
    else:
        from polymodal_trainer.stages import stage_problems

        problems += [*stage_problems(recipe), *_chunk_problems(recipe)]
    if problems:
        raise RecipeError(problems, source=source)
    return recipe


def read_recipe(path: Path, settings: Sequence[str], *, registry: Registry) -> Recipe:
    """Read a recipe's file, apply `--set` settings, and resolve it."""
    return resolve(override(read_toml(path), settings), registry=registry, source=str(path))


def schema(registry: Registry) -> Table:
    """Give the JSON schema of a whole recipe, the seed included."""
    table = recipe_schema(registry=registry, sections=sections(registry))
    table["properties"]["seed"] = {
        "type": "integer",
        "minimum": 0,
        "default": 0,
        "description": "of everything random: weights, order, augmentation, dropout",
    }
    return table


def _seed_problems(seed: Any) -> list[Problem]:
    if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63:
        return []
    return [Problem("seed", f"must be a whole number from 0 to 2^63 - 1; given {seed!r}")]


def _chunk_problems(recipe: Recipe) -> list[Problem]:
    # An objective that has to know how wide maps of tokens are reads them.
    size = recipe.sections["training"].chunk_size
    objective = recipe.sections["objective"]
    if size is None or "widths" not in objective.needs():
        return []
    return [
        Problem(
            "training.chunk_size",
            f"embeds {size} rows at a time, and the objective {objective.kind} reads maps of "
            f"tokens, which are not to be had in chunks: its loss is a mean over pixels, so that a "
            f"smaller data.batch_size serves as well; leave chunk_size out",
        )
    ]


def _with_setting(problem: Problem) -> Problem:
    if problem.message != REQUIRED:
        return problem
    return replace(problem, message=f"{REQUIRED}; write it, or pass --set {problem.path}=VALUE")
