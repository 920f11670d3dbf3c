"""Which columns and pairs of a recipe the rows of a store can train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polymodal_core.config import ObjectiveConfig
from polymodal_core.errors import Problem, RecipeError, RunError, suggest
from polymodal_core.recipe import Recipe
from polymodal_core.table import RowTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


def check_columns(recipe: Recipe, store: Any) -> None:
    """Raise RecipeError where the store lacks a column, or has it as another kind."""
    problems = []
    kinds = {name: column.modality.kind for name, column in recipe.columns.items()}
    kinds |= {name: config.kind for name, config in recipe.targets.items()}
    for name, kind in kinds.items():
        stored = store.columns.get(name)
        path = f"modalities.{name}"
        if stored is None:
            hint = suggest(name, store.columns)
            problems.append(Problem(path, f"the store {store.path} has no column '{name}'{hint}"))
        elif stored.kind != kind:
            problems.append(
                Problem(
                    f"{path}.kind",
                    f"the store {store.path} holds '{name}' as {stored.kind}, the recipe says "
                    f"{kind}",
                )
            )
    if problems:
        raise RecipeError(problems)


def check_predicted(recipe: Recipe) -> None:
    """Raise RecipeError where the objective predicts what is no target column of the recipe."""
    known = {*recipe.columns, "label", *recipe.targets}
    terms = recipe.sections["objective"].terms(list(recipe.columns))
    unknown = dict.fromkeys(name for _, name in terms if name not in known)
    if unknown:
        raise RecipeError(
            [
                Problem(
                    "objective.target",
                    f"there is no target column '{name}'"
                    + (
                        suggest(name, recipe.targets)
                        if recipe.targets
                        else f"; add a table [modalities.{name}]"
                    ),
                )
                for name in unknown
            ]
        )


def check_against_store(recipe: Recipe, *, source: str) -> None:
    """Raise RecipeError where the recipe's store is there and does not hold the recipe's columns.

    Raises StoreError where the store is damaged; a store that is not there is no fault.
    """
    from polymodal_datasets.layout import DESCRIPTION
    from polymodal_datasets.store import Store

    path = recipe.sections["data"].store
    if not (path / DESCRIPTION).is_file():
        return
    try:
        check_columns(recipe, Store(path))
    except RecipeError as error:
        raise RecipeError(error.problems, source=source) from None


def rows_with(table: RowTable, columns: Sequence[str], rows: Rows) -> dict[str, int]:
    """Count the rows that have each column."""
    return {name: int(table.present(name)[rows].sum()) for name in columns}


def check_training_rows(table: RowTable, columns: Sequence[str], rows: Rows, split: str) -> None:
    """Raise RecipeError where no training row has a column."""
    counts = rows_with(table, columns, rows)
    having = ", ".join(f"{name} ({count})" for name, count in counts.items() if count)
    problems = [
        Problem(
            f"modalities.{name}",
            f"none of the {len(rows)} rows of split '{split}' has it; leave the column out. "
            f"Columns with rows: {having or '(none)'}",
        )
        for name, count in counts.items()
        if count == 0
    ]
    if problems:
        raise RecipeError(problems)


def pair_name(pair: tuple[str, str]) -> str:
    """Name a pair as the logs do: `image-text`."""
    return "-".join(pair)


def rows_with_pairs(
    table: RowTable, columns: Sequence[str], objective: ObjectiveConfig, rows: Rows
) -> dict[str, int]:
    """Count the rows that have both columns of each pair that the objective compares.

    Of a column and "label", those that have a label and the column; of "joint", two columns. Of a
    target, those that have it.
    """
    import numpy as np

    terms = objective.terms(columns)
    held = {name: table.present(name)[rows] for name in columns}
    held["joint"] = np.sum(list(held.values()), axis=0) > 1
    held["label"] = table.label[rows] >= 0
    held |= {b: table.present(b)[rows] for _, b in terms if b not in held and b in table.items}
    return {pair_name((a, b)): int((held[a] & held[b]).sum()) for a, b in terms}


def check_pairs(counts: dict[str, int]) -> list[str]:
    """Give the pairs that no training row has both columns of; raises RunError if all are such."""
    empty = sorted(pair for pair, count in counts.items() if count == 0)
    if len(empty) == len(counts):
        if any(name.endswith("-label") for name in empty):
            raise RunError(
                "no training row has a label and any of the columns: there are no classes to learn "
                "from; choose a split with labels in data.train, or pack some"
            )
        raise RunError(
            f"no training row has both columns of any pair ({', '.join(empty) or 'no pair'}): "
            f"there is nothing to learn from; pack rows that hold at least two of the columns, "
            f"or name other pairs in objective.pairs"
        )
    return empty
