"""Columns that must show the same place in a row: their values must have one shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from polymodal_core.rows import Row

from polymodal_datasets.deferred import Deferred
from polymodal_datasets.packing_options import PackedColumn

Extent = tuple[int, int]
ROUNDING = 1.5
"""Pixels of the smallest side by which two shapes may differ: what reduced pictures lose."""


@dataclass(frozen=True)
class Mismatch:
    """A value that is shaped like none of the values it belongs to: its column, and words."""

    column: str
    message: str


class Registration:
    """Compares the shapes of values in a row, as they are packed.

    Values that were stored before, or are made from their partner (`Deferred`), are not compared.
    `read(column, id)` gives an item that was packed before this process began.
    """

    def __init__(
        self, columns: Mapping[str, PackedColumn], read: Callable[[str, str], bytes]
    ) -> None:
        """Find the columns that depend on another."""
        self._columns = columns
        self._read = read
        self._partners = {
            name: partners
            for name, column in columns.items()
            if column.registered_with is not None
            and (
                partners := [
                    other
                    for other, given in columns.items()
                    if given.kind == column.registered_with and other != name
                ]
            )
        }
        self._watched = set(self._partners).union(*self._partners.values())
        self._extents: dict[tuple[str, str], Extent | None] = {}

    def mismatch(self, row: Row, payloads: Mapping[str, bytes]) -> Mismatch | None:
        """Find a value of the row that has the shape of no value it is registered with.

        `payloads` are the row's new values by column; one partner of several is enough.
        """
        for column, partners in self._partners.items():
            if column not in row.items or isinstance(row.items[column].value, Deferred):
                continue
            own = self._extent(column, row, payloads)
            others = {
                other: self._extent(other, row, payloads)
                for other in partners
                if other in row.items
            }
            known = {other: found for other, found in others.items() if found is not None}
            if own is None or not known or any(same_shape(own, found) for found in known.values()):
                continue
            shown = ", ".join(f"'{other}' {_text(found)}" for other, found in known.items())
            return Mismatch(
                column,
                f"is {_text(own)}, and the row has {shown}: they cannot show the same place. "
                f"Equal shapes are expected, or equal ratios of the sides; if they come from "
                f"different cameras, say --set {column}.registered=false",
            )
        return None

    def keep(self, row: Row, payloads: Mapping[str, bytes]) -> None:
        """Remember the shapes of a row's new values, which are stored."""
        for column in self._watched & payloads.keys():
            self._extents[column, row.items[column].id] = self._measured(column, payloads[column])

    def _extent(self, column: str, row: Row, payloads: Mapping[str, bytes]) -> Extent | None:
        if column in payloads:
            return self._measured(column, payloads[column])
        key = (column, row.items[column].id)
        if key not in self._extents:
            self._extents[key] = self._measured(column, self._read(*key))
        return self._extents[key]

    def _measured(self, column: str, payload: bytes) -> Extent | None:
        return self._columns[column].modality.extent(payload)


def same_shape(one: Extent, other: Extent) -> bool:
    """Say whether two (height, width) have the same ratio, to a rounding of the smaller one."""
    allowed = ROUNDING / min(*one, *other)
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= allowed


def _text(extent: Extent) -> str:
    return f"{extent[1]} x {extent[0]} pixels"
