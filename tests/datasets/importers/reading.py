"""Small manifests on disk, read into rows and bad rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polymodal_core.errors import RecipeError
from polymodal_core.rows import BadRow, Importer, Row
from polymodal_datasets.importers.manifest import ManifestConfig


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def touch(root: Path, *names: str) -> None:
    for name in names:
        write(root / name, "x")


def manifest(root: Path, **options: Any) -> Importer:
    return ManifestConfig.model_validate({"root": root, **options}).build()


def rows_of(importer: Importer) -> list[Row]:
    found = list(importer.rows())
    bad = [row for row in found if isinstance(row, BadRow)]
    assert bad == []
    return [row for row in found if isinstance(row, Row)]


def split_rows(importer: Importer) -> tuple[list[Row], list[BadRow]]:
    found = list(importer.rows())
    return (
        [row for row in found if isinstance(row, Row)],
        [row for row in found if isinstance(row, BadRow)],
    )


def values(rows: Iterable[Row], column: str) -> list[Any]:
    return [row.items[column].value if column in row.items else None for row in rows]


def ids(rows: Iterable[Row], column: str) -> list[str | None]:
    return [row.items[column].id if column in row.items else None for row in rows]


def problems(error: RecipeError) -> dict[str, str]:
    return {problem.path: problem.message for problem in error.problems}
