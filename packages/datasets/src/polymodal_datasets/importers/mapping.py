"""Mapping files of the manifest importer: found by path or shipped name, overlaid, validated."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError, Problem, RecipeError, suggest
from polymodal_core.problems import problems_of
from polymodal_core.recipe import read_toml
from pydantic import ValidationError

from polymodal_datasets.importers.manifest import ManifestConfig


def shipped_mappings() -> dict[str, Path]:
    """Give the mapping files that come with this package, by name."""
    folder = Path(str(files("polymodal_datasets"))) / "mappings"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def complete_mapping(config: ManifestConfig) -> tuple[ManifestConfig, str]:
    """Lay what `config` itself says over its mapping file, and name the source of problems.

    Raises RecipeError with every problem of the file, PolymodalError where there is no such file.
    """
    if config.mapping is None:
        return config, "manifest"
    path = _find(config.mapping)
    table = read_toml(path)
    problems = [
        Problem(key, "belongs on the command line, not in a mapping file")
        for key in ("kind", "mapping", "root")
        if key in table
    ]
    given = config.model_dump(exclude_unset=True, exclude={"kind", "mapping"})
    merged = _overlay(table, given)
    try:
        complete = ManifestConfig.model_validate(merged)
    except ValidationError as error:
        problems += problems_of(error, ManifestConfig, merged)
    if problems:
        raise RecipeError(problems, source=str(path))
    return complete, str(path)


def _find(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    shipped = shipped_mappings()
    if name in shipped:
        return shipped[name]
    if path.suffix == ".toml" or path.parent != Path():
        raise PolymodalError(f"no such mapping file: {path}")
    raise PolymodalError(
        f"no mapping '{name}' is shipped{suggest(name, shipped)}; or give the path of a .toml file"
    )


def _overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if key == "table" and isinstance(under, str):
            under = {"file": under}
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[key] = _overlay(under, value) if both and under is not None else value
    return merged
