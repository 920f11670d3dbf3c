"""Joined tables: a second table's record for each record of the first, by key or nearest time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from polymodal_core.rows import BadRow

from polymodal_datasets.importers.cells import BadCell, time_of, without_markers
from polymodal_datasets.importers.tables import Record, Table
from polymodal_datasets.importers.templates import Template

_NAMED = 3


@dataclass(frozen=True)
class JoinKeys:
    """How two tables meet: `on` over the main table, `to` over the joined one.

    With a `tolerance` these are numbers or times and the nearest within it is taken; `by_on` and
    `by_to` must be equal besides, where given.
    """

    on: Template
    to: Template
    by_on: Template | None = None
    by_to: Template | None = None
    tolerance: Decimal | None = None


@dataclass
class JoinedTable:
    """A joined table in memory, and what came of looking records up in it.

    `bad` lists its unusable records; `matched` and `unmatched` count look-ups.
    """

    name: str
    table: str
    keys: JoinKeys
    bad: list[BadRow] = field(default_factory=list)
    matched: int = 0
    unmatched: int = 0
    _equal: dict[tuple[str, str], Record] = field(default_factory=dict)
    _times: dict[str, list[tuple[Decimal, Record]]] = field(default_factory=dict)

    def find(self, cells: Mapping[str, Any]) -> Record | None:
        """Give the record that belongs to a record of the main table, None where there is none.

        Of two equally near ones it is the earlier. Raises BadCell for a time that is none.
        """
        key = self.keys.on.fill(cells)
        found = None if key is None else self._look_up(key, cells)
        if found is None:
            self.unmatched += 1
        else:
            self.matched += 1
        return found

    def _look_up(self, key: str, cells: Mapping[str, Any]) -> Record | None:
        group = _group(self.keys.by_on, cells)
        if group is None:
            return None
        if self.keys.tolerance is None:
            return self._equal.get((group, key))
        wanted = _time(key, self.keys.on)
        times = self._times.get(group, [])
        place = bisect_left(times, wanted, key=lambda entry: entry[0])
        near = [times[index] for index in (place - 1, place) if 0 <= index < len(times)]
        if not near:
            return None
        time, record = min(near, key=lambda entry: abs(entry[0] - wanted))
        return record if abs(time - wanted) <= self.keys.tolerance else None

    def add(self, record: Record) -> None:
        """Take up a record under its key; raises BadCell where its key is taken or unusable."""
        key = self.keys.to.fill(record.cells)
        group = _group(self.keys.by_to, record.cells)
        if key is None or group is None:
            template = self.keys.to if key is None or self.keys.by_to is None else self.keys.by_to
            raise BadCell("is empty, so that the record matches nothing", template.columns)
        if self.keys.tolerance is not None:
            self._times.setdefault(group, []).append((_time(key, self.keys.to), record))
            return
        first = self._equal.setdefault((group, key), record)
        if first is not record:
            raise BadCell(
                f"key '{key}' stands already at {first.origin}, which is used; to get a row for "
                f"each, make this the main table and join the other to it",
                self.keys.to.columns,
            )

    def sort(self) -> None:
        """Put the times in order; to be called once after the last `add`."""
        for times in self._times.values():
            times.sort(key=lambda entry: entry[0])


def load_join(
    name: str, table: Table, keys: JoinKeys, *, wanted: Collection[str], missing: Collection[str]
) -> JoinedTable:
    """Read a joined table into memory, with the cells of `wanted` and of its keys."""
    joined = JoinedTable(name, table.name, keys)
    used = set(wanted) | set(keys.to.columns)
    used |= set() if keys.by_to is None else set(keys.by_to.columns)
    for record in table.records(used):
        if isinstance(record, BadRow):
            joined.bad.append(record)
            continue
        cells = {column: record.cells.get(column) for column in used}
        try:
            joined.add(Record(record.origin, without_markers(cells, missing)))
        except BadCell as error:
            joined.bad.append(bad_row(record.origin, error))
    joined.sort()
    return joined


def _group(by: Template | None, cells: Mapping[str, Any]) -> str | None:
    return "" if by is None else by.fill(cells)


def _time(key: str, template: Template) -> Decimal:
    try:
        return time_of(key)
    except BadCell as error:
        raise BadCell(error.message, template.columns) from None


def bad_row(origin: str, error: BadCell) -> BadRow:
    """Give a bad cell as a bad row: `captions.csv:12, column 'objects'`."""
    if not error.columns:
        return BadRow(origin, error.message)
    names = ", ".join(f"'{name}'" for name in error.columns[:_NAMED])
    more = f" and {len(error.columns) - _NAMED} more" if len(error.columns) > _NAMED else ""
    plural = "s" if len(error.columns) > 1 else ""
    return BadRow(f"{origin}, column{plural} {names}{more}", error.message)
