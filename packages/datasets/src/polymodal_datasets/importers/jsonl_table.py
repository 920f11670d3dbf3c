"""JSONL tables: one JSON object per line, objects within it flattened to dotted names."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow

from polymodal_datasets.importers.tables import Record

_LOOK_AT = 1000


@dataclass(frozen=True)
class JsonlTable:
    """A file of JSON objects; a key that a line lacks is a missing value."""

    path: Path
    name: str
    encoding: str = "utf-8"

    def columns(self, wanted: Collection[str] = ()) -> list[str]:
        """Name the keys of the first 1000 lines, and of more until all `wanted` have been met."""
        found: dict[str, None] = {}
        missing = set(wanted)
        for number, record in enumerate(self.records()):
            if number >= _LOOK_AT and not missing:
                break
            if isinstance(record, Record):
                found.update(dict.fromkeys(record.cells))
                missing -= record.cells.keys()
        if not found:
            raise PolymodalError(f"{self.path} holds no JSON object; one per line is expected")
        return list(found)

    def records(self, wanted: Collection[str] | None = None) -> Iterator[Record | BadRow]:
        """Read the lines that are not blank; one that is no JSON object is a bad row."""
        plain = self.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        encoding = "utf-8-sig" if plain else self.encoding
        try:
            with self.path.open(encoding=encoding, errors="surrogateescape") as stream:
                for number, line in enumerate(stream, start=1):
                    if line.strip():
                        yield _parse(line, f"{self.name}:{number}")
        except (LookupError, UnicodeError) as error:
            raise PolymodalError(
                f"{self.path} cannot be read as '{self.encoding}': {error}"
            ) from None

    def count(self, wanted: Collection[str]) -> None:
        """Know nothing: any cell may be a list."""


def _parse(line: str, origin: str) -> Record | BadRow:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return BadRow(origin, f"no JSON: {error.msg} at character {error.colno}")
    except RecursionError:
        return BadRow(origin, "no JSON: nested too deeply")
    if not isinstance(value, dict):
        return BadRow(origin, f"a JSON {type(value).__name__} where an object is expected")
    return Record(origin, flattened(value))


def flattened(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give nested objects as one level, `{"a": {"b": 1}}` as `{"a.b": 1}`."""
    cells: dict[str, Any] = {}
    for key, cell in value.items():
        if isinstance(cell, Mapping):
            cells.update(flattened(cell, f"{prefix}{key}."))
        else:
            cells[f"{prefix}{key}"] = cell
    return cells
