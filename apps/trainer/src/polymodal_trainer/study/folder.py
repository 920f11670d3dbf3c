"""The folder of a study: study.toml, and what it must have in common with a study that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polymodal_core.errors import RunError
from polymodal_core.recipe import read_toml, write_toml
from polymodal_eval.study.file import FILE, Study, parse_study

from polymodal_trainer.differences import changed_keys
from polymodal_trainer.folder import write_text

Table = dict[str, Any]


def begin(folder: Path, study: Study) -> Study:
    """Write study.toml, or check it against an earlier one; gives the study as it now stands.

    A study may get further variants, other tables and another evaluation; variants that are not
    asked for this time are kept. Raises RunError that lists whatever else differs.
    """
    path = folder / FILE
    if not path.is_file():
        _check_no_run(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, write_toml(study.table))
        return study
    before = read_toml(path)
    after = _united(before, study.table)
    lines = [*_recipe_lines(before, after), *_grid_lines(before, study.table)]
    if lines:
        raise RunError(
            f"{folder} holds a study that was begun otherwise:\n"
            + "\n".join(f"  {line}" for line in lines)
            + f"\ngo on with it as it was with `polymodal-train study {folder}`, or choose another "
            f"--out"
        )
    if after != before:
        write_text(path, write_toml(after))
    return parse_study(after, source=str(path))


def _check_no_run(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; choose another --out")
    if (folder / "recipe.toml").is_file():
        raise RunError(f"{folder} is the folder of a run, not of a study; choose another --out")
    if folder.is_dir() and any(not item.name.startswith(".") for item in folder.iterdir()):
        raise RunError(f"{folder} exists and is not empty; choose another --out")


def _united(before: Table, after: Table) -> Table:
    # What was there keeps its place, so that tables keep their order.
    grid = dict(before["grid"])
    for name, values in after["grid"].items():
        old = grid.get(name)
        if isinstance(old, list) and isinstance(values, list):
            grid[name] = [*old, *(value for value in values if value not in old)]
        elif isinstance(old, Mapping) and isinstance(values, Mapping):
            grid[name] = {**old, **values}
        else:
            grid[name] = values
    return {**after, "grid": grid}


def _recipe_lines(before: Table, after: Table) -> list[str]:
    return changed_keys(before["recipe"], after["recipe"], there="in the study")


def _grid_lines(before: Table, after: Table) -> list[str]:
    old, new = before["grid"], after["grid"]
    lines = [f"grid.{name}: an axis that is gone" for name in old if name not in new]
    for name, values in new.items():
        if name not in old:
            lines.append(f"grid.{name}: a new axis")
        elif isinstance(values, list) is not isinstance(old[name], list):
            lines.append(f"grid.{name}: {old[name]!r} in the study, {values!r} now")
        elif isinstance(values, Mapping):
            for variant in values.keys() & old[name].keys():
                found = changed_keys(old[name][variant], values[variant], there="in the study")
                lines += [f"grid.{name}.{variant}.{line}" for line in found]
    return lines
