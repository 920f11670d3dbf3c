"""What an importer yields, as the pack sees it: entries with a checksum of every small value."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from polymodal_core.errors import PluginError, suggest
from polymodal_core.rows import BadRow, Row

from polymodal_datasets.deferred import Deferred

LARGEST_CHECKED = 65536
"""Values of more bytes are trusted to be the same where their ids are."""


@dataclass(frozen=True)
class SkippedRow:
    """A row that is not in the store, and why; column and item where one value is to blame.

    `entry` counts what the importer yielded, from 0.
    """

    entry: int
    origin: str
    message: str
    column: str | None = None
    item: str | None = None

    def __str__(self) -> str:
        """Give it as one line."""
        value = f"column '{self.column}', item '{self.item}': " if self.column is not None else ""
        return f"{self.origin or f'entry {self.entry}'}: {value}{self.message}"


@dataclass(frozen=True)
class Entry:
    """One thing that the importer yielded: its number from 0, and its values' checksums."""

    number: int
    row: Row | BadRow
    checksums: Mapping[str, int]

    def skipped(self, message: str, *, column: str | None = None) -> SkippedRow:
        """Say that this entry is no row of the store; `column` names the value to blame."""
        item = self.row.items[column].id if isinstance(self.row, Row) and column else None
        return SkippedRow(self.number, self.row.origin, message, column, item)

    def describe(self) -> bytes:
        """Give bytes that differ where an entry differs, for the running digest of a pack."""
        if isinstance(self.row, BadRow):
            return repr((self.row.origin,)).encode()
        items = [(name, item.id, self.checksums[name]) for name, item in self.row.items.items()]
        row = self.row
        return repr((row.origin, row.instance, row.label, row.split, items)).encode()


def make_entry(number: int, row: Row | BadRow, columns: Mapping[str, Any]) -> Entry:
    """Take in what an importer yielded; raises PluginError for a column it did not declare."""
    if isinstance(row, BadRow):
        return Entry(number, row, {})
    for column in row.items:
        if column not in columns:
            raise PluginError(
                f"{row.origin or f'entry {number}'}: the importer yielded column '{column}', "
                f"which it does not declare{suggest(column, columns)}"
            )
    return Entry(
        number, row, {name: value_checksum(item.value) for name, item in row.items.items()}
    )


def value_checksum(value: Any) -> int:
    """Checksum of a small value; 0 for what is large, or has no plain form."""
    match value:
        case str() | PurePath():
            data = str(value).encode(errors="surrogateescape")
        case bytes():
            data = value
        case Deferred():
            data = value.token.encode()
        case int() | float():
            data = repr(value).encode()
        case list() | tuple() if len(value) <= 4096 and all(
            isinstance(item, str | int | float) for item in value
        ):
            data = repr(value).encode(errors="surrogateescape")
        case _ if hasattr(value, "tobytes") and getattr(value, "nbytes", 0) <= LARGEST_CHECKED:
            data = value.tobytes()
        case _:
            return 0
    return zlib.crc32(data) if len(data) <= LARGEST_CHECKED else 0
