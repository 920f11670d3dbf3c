"""What `--root` and `--set` say: options of the importer, and options of packing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from polymodal_core.config import ImporterConfig
from polymodal_core.errors import Problem, RecipeError, suggest
from polymodal_core.problems import problems_of
from polymodal_core.recipe import override
from polymodal_core.rows import Column
from pydantic import ValidationError


@dataclass(frozen=True)
class Settings:
    """A validated importer configuration, and tables of packing options by kind or column."""

    importer: ImporterConfig
    packing: Mapping[str, Any]


def read_settings(
    config: type[ImporterConfig], settings: Iterable[str], *, root: str | None
) -> Settings:
    """Sort settings by whom they are for.

    A key that the importer has is the importer's; of the rest, those with a dot (`image.size`) are
    packing options. Raises RecipeError with every problem.
    """
    table = override({}, settings)
    if root is not None:
        table["root"] = root
    fields = config.model_fields
    packing = {
        name: value
        for name, value in table.items()
        if name not in fields and isinstance(value, dict)
    }
    given = {name: value for name, value in table.items() if name not in packing}
    try:
        importer = config.model_validate({"kind": config.kind_name(), **given})
    except ValidationError as error:
        problems = problems_of(error, config, given)
        raise RecipeError([_with_hint(item) for item in problems], source="options") from None
    return Settings(importer, packing)


def check_packing(
    packing: Mapping[str, Any], columns: Mapping[str, Column], config: type[ImporterConfig]
) -> None:
    """Raise RecipeError for packing options that are for no column, nor a kind of one."""
    kinds = {column.kind for column in columns.values()}
    known = {*columns, *kinds, *config.model_fields} - {"kind"}
    problems = [
        Problem(f"{name}.{next(iter(value), '')}", f"no such option{suggest(name, known)}")
        for name, value in packing.items()
        if name not in columns and name not in kinds
    ]
    if problems:
        raise RecipeError(problems, source="options")


def _with_hint(problem: Problem) -> Problem:
    if problem.path == "root" and "required" in problem.message:
        return Problem("root", f"{problem.message}; say --root FOLDER")
    return problem
