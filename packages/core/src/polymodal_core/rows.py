"""What an importer yields: rows of items, before anything is packed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Item:
    """One value of one column, under an id that is unique in the column.

    Two rows that name the same id share one stored item, packed once: the id is the item's
    source (a path relative to the importer's root) or a name the importer gives. `value` is
    whatever the column's modality can pack: a path, text, an array.
    """

    id: str
    value: Any


@dataclass(frozen=True)
class Row:
    """One record: an item per column that it has, and what it is an instance and example of.

    `instance` and `label` are names, None where unknown; `origin` says where the row comes from
    (`captions.csv:12`) and stands in every error about it.
    """

    items: Mapping[str, Item]
    instance: str | None = None
    label: str | None = None
    split: str = "train"
    origin: str = ""


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: skipped, counted and listed, or the end of a strict pack."""

    origin: str
    message: str


@dataclass(frozen=True)
class Column:
    """What an importer says of a column: its kind, packing options, and what its items stand for.

    `of_classes` is True where an item stands for a class (a prototype, a class word) and so is
    relevant by label alone.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    of_classes: bool = False


class Importer(Protocol):
    """Reads one raw layout.

    `columns` is known before the first row is read; `root` is the folder that relative paths of
    item values start from (None where there are none); `total` is the number of rows, None where
    it is not known in advance.
    """

    root: str | None

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        ...

    @property
    def total(self) -> int | None:
        """Number of rows that `rows` will yield, if known."""
        ...

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield every row, always in the same order, so that an interrupted pack can go on."""
        ...
