"""The recipes and studies that ship with the trainer, and where one given by name or path is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import RunError, UnknownNameError, suggest

FOLDER = Path(__file__).parent / "recipes"
STUDIES = Path(__file__).parent / "studies"


@dataclass(frozen=True)
class Source:
    """Where a recipe is read from, and the name of its run."""

    path: Path
    name: str


def shipped() -> dict[str, Path]:
    """Give the shipped recipes by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def shipped_studies() -> dict[str, Path]:
    """Give the shipped studies by name."""
    return {path.stem: path for path in sorted(STUDIES.glob("*.toml"))}


def description(path: Path) -> str:
    """Give the first comment line of a recipe or study."""
    with path.open(encoding="utf-8") as file:
        line = file.readline().strip()
    return line.removeprefix("#").strip() if line.startswith("#") else ""


def find_recipe(given: str) -> Source:
    """Find a recipe: a shipped name, a path that ends in .toml, or the folder of a run.

    Raises UnknownNameError with the nearest shipped name, RunError for a folder without a recipe.
    """
    path = Path(given)
    if given.endswith(".toml"):
        return Source(path, path.stem)
    known = shipped()
    if given in known:
        return Source(known[given], given)
    if path.is_dir():
        if not (path / "recipe.toml").is_file():
            raise RunError(f"{path}: a folder without recipe.toml is no run")
        return Source(path / "recipe.toml", path.resolve().name)
    raise UnknownNameError(
        f"no recipe '{given}' is shipped{suggest(given, known)}; the path of your own ends in .toml"
    )
