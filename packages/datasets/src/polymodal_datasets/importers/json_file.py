"""Data sets that come as one JSON file: a table of lists of records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError

from polymodal_datasets.importers.cells import BadCell


def read_json(path: Path, *lists: str, without: str | None = None) -> Mapping[str, list[Any]]:
    """Read the named lists of a JSON file; the field `without` of every record is dropped at once.

    Raises PolymodalError that names the file, and line and column of damage, or the list that is
    not there.
    """

    def kept(record: dict[str, Any]) -> dict[str, Any]:
        record.pop(without or "", None)
        return record

    try:
        with path.open(encoding="utf-8-sig") as stream:
            read = json.load(stream, object_hook=None if without is None else kept)
    except (ValueError, OSError) as error:
        raise PolymodalError(f"{path} cannot be read as JSON: {error}") from None
    for name in lists:
        if not isinstance(read, dict) or not isinstance(read.get(name), list):
            found = ", ".join(read) if isinstance(read, dict) else f"a {type(read).__name__}"
            raise PolymodalError(f"{path} has no list '{name}'; it holds {found}")
    return {name: read[name] for name in lists}


def records(path: Path, name: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    """Give every record of a list with where it stands: `captions_val2017.json: annotations[3]`."""
    for number, value in enumerate(values):
        yield f"{path.name}: {name}[{number}]", value


def field_of(record: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    """Give a field of a record; raises BadCell that says what is wrong with it."""
    if not isinstance(record, dict):
        raise BadCell(f"a record of fields is expected; given {record!r:.60}")
    if name not in record:
        raise BadCell(f"has no '{name}'; it has {', '.join(record)}")
    value = record[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(_NAMES.get(item, item.__name__) for item in kinds)
        raise BadCell(f"'{name}' is {value!r:.60}; {wanted} is expected")
    return value


_NAMES = {int: "a whole number", str: "a text", list: "a list", dict: "a record", float: "a number"}
