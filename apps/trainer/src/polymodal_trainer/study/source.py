"""Where a study is read from: shipped by name, a file of one's own, or a study's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polymodal_core.errors import Problem, RecipeError, RunError, UnknownNameError, suggest
from polymodal_core.recipe import override, read_toml
from polymodal_eval.study.expansion import merged
from polymodal_eval.study.file import FILE, Study, parse_study
from polymodal_eval.study.grid import Axis

from polymodal_trainer.catalogue import Source, find_recipe, shipped_studies

Table = dict[str, Any]


@dataclass(frozen=True)
class FoundStudy:
    """A study and the folder that its runs lie in unless another is asked for."""

    source: Source
    folder: Path


def find_study(given: str) -> FoundStudy:
    """Find a study: a shipped name, a path that ends in .toml, or the folder of a study.

    Raises UnknownNameError with the nearest shipped name, RunError for a folder without a study.
    """
    path = Path(given)
    if given.endswith(".toml"):
        return FoundStudy(Source(path, path.stem), Path("runs") / path.stem)
    known = shipped_studies()
    if given in known:
        return FoundStudy(Source(known[given], given), Path("runs") / given)
    if path.is_dir():
        if not (path / FILE).is_file():
            raise RunError(f"{path}: a folder without {FILE} is no study")
        return FoundStudy(Source(path / FILE, path.resolve().name), path)
    raise UnknownNameError(
        f"no study '{given}' is shipped{suggest(given, known)}; the path of your own ends in .toml"
    )


def read_study(
    path: Path,
    settings: Sequence[str],
    *,
    check: Callable[[Study], list[Problem]] | None = None,
) -> Study:
    """Read a study's file, put its base recipe under `[recipe]` and apply `--set` settings.

    A setting is of the recipe (`training.epochs=3`), or of the grid (`grid.seed=[0]`). `check`
    adds problems of the runs' recipes. Raises RecipeError with every problem.
    """
    table = read_toml(path)
    recipe = table.get("recipe")
    if isinstance(recipe, Mapping):
        table = {**table, "recipe": _with_base(recipe, path)}
    mine = [text for text in settings if not _of_grid(text)]
    grid = override({"grid": table.get("grid", {})}, [text for text in settings if _of_grid(text)])
    changed = override({}, [text.removeprefix("recipe.") for text in mine])
    table = {**table, **grid, "recipe": merged(table.get("recipe", {}), changed)}
    study = parse_study(table, source=str(path), check=check)
    _check_settings(study.axes, changed)
    return study


def _with_base(recipe: Mapping[str, Any], path: Path) -> Table:
    changes = {key: value for key, value in recipe.items() if key != "base"}
    if "base" not in recipe:
        return changes
    base = recipe["base"]
    if not isinstance(base, str):
        message = f"must be the name or path of a recipe; given {base!r}"
        raise RecipeError([Problem("recipe.base", message)], source=str(path))
    # A path is relative to the study that names it.
    beside = path.parent / base
    given = str(beside) if base.endswith(".toml") and beside.is_file() else base
    return merged(read_toml(find_recipe(given).path), changes)


def _of_grid(setting: str) -> bool:
    return setting.strip().startswith("grid.")


def _check_settings(axes: Sequence[Axis], changed: Table) -> None:
    """Raise RecipeError where every variant of an axis sets what `--set` sets too."""
    problems = []
    for path in _leaves(changed):
        for axis in axes:
            if all(_sets(variant.changes, path) for variant in axis.variants):
                short = f"grid.{axis.name}=[...]" if axis.field else f"grid.{axis.name}.NAME.{path}"
                message = f"axis '{axis.name}' of the grid sets this in every run; --set {short}"
                problems.append(Problem(path, message))
    if problems:
        raise RecipeError(problems, source="--set")


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _sets(changes: Mapping[str, Any], path: str) -> bool:
    value: Any = changes
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return True  # a whole table is set
        if key not in value:
            return False
        value = value[key]
    return True
