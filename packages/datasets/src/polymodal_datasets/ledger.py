"""What a pack has put into a store so far: numbers of items, names and rows.

Numbers are given in the order of first appearance, so that a pack that was interrupted and went on
gives the same ones as a pack that was not.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any

from polymodal_core.rows import Row

from polymodal_datasets.entries import Entry, SkippedRow
from polymodal_datasets.layout import ROW_COLUMNS

UNSEEN = -1


@dataclass
class Chunk:
    """What was added between two commits, as plain data.

    `entries` and `digest` say how far the importer had come, `items` how many items each column
    had; `rows` are lines of the row table; `names` are new ones of instances, labels and splits.
    """

    entries: int = 0
    digest: str = ""
    items: dict[str, int] = field(default_factory=dict)
    rows: list[list[int]] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[dict[str, Any]] = field(default_factory=list)


class Ledger:
    """Numbers of all items, names and rows that were accepted, and the rows that were skipped."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Start an empty ledger for these columns."""
        self.columns = tuple(columns)
        self.items: dict[str, dict[str, int]] = {name: {} for name in columns}
        self.names: dict[str, dict[str, int]] = {name: {} for name in ROW_COLUMNS}
        self.table = {name: array("q") for name in (*columns, *ROW_COLUMNS)}
        self.skipped: list[SkippedRow] = []
        self.entries = 0
        self._checksums = {name: array("q") for name in columns}
        self._digest = blake2b(digest_size=16)
        self._chunk = Chunk()

    @property
    def num_rows(self) -> int:
        """Number of rows accepted."""
        return len(self.table["instance"])

    @property
    def num_items(self) -> int:
        """Number of items in all columns."""
        return sum(len(numbers) for numbers in self.items.values())

    @property
    def digest(self) -> str:
        """Checksum of all entries observed, which says whether raw data are still the same."""
        return self._digest.hexdigest()

    def observe(self, entry: Entry) -> None:
        """Count an entry; every one passes here once and in order, before it is accepted."""
        self.entries += 1
        self._digest.update(entry.describe())

    def conflict(self, entry: Entry) -> SkippedRow | None:
        """Say which of a row's items was given before with another value, if any."""
        assert isinstance(entry.row, Row)
        for column, item in entry.row.items.items():
            number = self.items[column].get(item.id)
            if number is None or self._checksums[column][number] == UNSEEN:
                continue
            if self._checksums[column][number] != entry.checksums[column]:
                return entry.skipped(
                    "this id was given before with another value; one id is one item",
                    column=column,
                )
        return None

    def accept(self, entry: Entry) -> list[tuple[str, int, str]]:
        """Add a row; gives (column, number, id) of the items that are new with it."""
        row = entry.row
        assert isinstance(row, Row)
        new = []
        numbers = []
        for column in self.columns:
            item = row.items.get(column)
            if item is None:
                numbers.append(-1)
                continue
            known = self.items[column]
            if item.id not in known:
                known[item.id] = len(known)
                new.append((column, known[item.id], item.id))
                self._checksums[column].append(entry.checksums[column])
            numbers.append(known[item.id])
        for column, name in zip(ROW_COLUMNS, (row.instance, row.label, row.split), strict=True):
            numbers.append(self._number_of(column, name))
        self._append(numbers)
        self._chunk.rows.append(numbers)
        return new

    def skip(self, skipped: SkippedRow) -> None:
        """Leave out a row that cannot be stored."""
        self.skipped.append(skipped)
        self._chunk.skipped.append(asdict(skipped))

    def take_chunk(self) -> Chunk:
        """Give what was added since the last call."""
        chunk, self._chunk = self._chunk, Chunk()
        chunk.entries, chunk.digest = self.entries, self.digest
        chunk.items = {name: len(known) for name, known in self.items.items()}
        return chunk

    def restore(
        self, chunks: Sequence[Mapping[str, Any]], ids: Mapping[str, Sequence[str]]
    ) -> None:
        """Take up what an interrupted pack committed; then `observe_again` its entries."""
        for column, names in ids.items():
            self.items[column] = {name: number for number, name in enumerate(names)}
            self._checksums[column] = array("q", [UNSEEN] * len(names))
        for chunk in chunks:
            for column, names in chunk["names"].items():
                known = self.names[column]
                known.update({name: len(known) + offset for offset, name in enumerate(names)})
            for numbers in chunk["rows"]:
                self._append(numbers)
            self.skipped += [SkippedRow(**skipped) for skipped in chunk["skipped"]]

    def observe_again(self, entry: Entry, *, skipped: bool) -> None:
        """Observe an entry from before the interruption, to know its values' checksums."""
        self.observe(entry)
        if not skipped and isinstance(entry.row, Row):
            for column, item in entry.row.items.items():
                number = self.items[column].get(item.id)
                if number is not None and self._checksums[column][number] == UNSEEN:
                    self._checksums[column][number] = entry.checksums[column]

    def _number_of(self, column: str, name: str | None) -> int:
        if name is None:
            return -1
        known = self.names[column]
        if name not in known:
            known[name] = len(known)
            self._chunk.names.setdefault(column, []).append(name)
        return known[name]

    def _append(self, numbers: Sequence[int]) -> None:
        for column, number in zip(self.table.values(), numbers, strict=True):
            column.append(number)
