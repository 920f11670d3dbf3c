"""Rows of several stores, one store after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from polymodal_core.errors import StoreError, suggest
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.deferred import Deferred
from polymodal_datasets.importers.merge import MergeConfig
from polymodal_datasets.store import Store
from polymodal_datasets.stored_items import stored_value


class MergeImporter:
    """Reads the rows of each store in its order; after `rows`, `notes` counts those left out."""

    root: str | None = None

    def __init__(self, config: MergeConfig) -> None:
        """Open the stores; raises StoreError where they do not fit together."""
        self.notes: Mapping[str, int] = {}
        self._shared = config.labels == "shared"
        self._stores = _opened(config.stores)
        self._columns = _united(self._stores)
        self._renamed = _renamed(self._stores, config.splits)
        self._classes: dict[tuple[str, str, int], Deferred] = {}

    @property
    def columns(self) -> Mapping[str, Column]:
        """The stores' columns by name, in the order in which they first come."""
        return self._columns

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(
            int((store.table.split == number).sum())
            for name, store in self._stores.items()
            for number, split in enumerate(store.table.split_names)
            if self._renamed[name, split]
        )

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield the rows of every store."""
        counts: Counter[str] = Counter()
        for name, store in self._stores.items():
            table = store.table
            for number in range(len(table)):
                split = table.split_names[int(table.split[number])]
                kept = self._renamed[name, split]
                if not kept:
                    counts[f"rows of split '{split}' of {name}, left out"] += 1
                    continue
                held = {
                    column: int(items[number])
                    for column, items in table.items.items()
                    if items[number] >= 0
                }
                items = {column: self._item(name, column, item) for column, item in held.items()}
                instance, label = int(table.instance[number]), int(table.label[number])
                yield Row(
                    items,
                    f"{name}/{store.instance_names[instance]}" if instance >= 0 else None,
                    self._label(name, table.class_names[label]) if label >= 0 else None,
                    kept,
                    f"{name}: row {number}",
                )
        self.notes = dict(counts)

    def _item(self, name: str, column: str, item: int) -> Item:
        store = self._stores[name]
        known = store.id(column, item)
        if self._shared and self._columns[column].of_classes:
            # One item for a class of several stores, told apart by its bytes: where they differ,
            # the pack refuses the row.
            key = (name, column, item)
            if key not in self._classes:
                self._classes[key] = stored_value(store, column, item, by_bytes=True)
            return Item(known, self._classes[key])
        return Item(f"{name}/{known}", stored_value(store, column, item))

    def _label(self, name: str, label: str) -> str:
        return label if self._shared else f"{name}/{label}"


def _opened(paths: Sequence[Path]) -> dict[str, Store]:
    stores: dict[str, Store] = {}
    for path in paths:
        name = path.resolve().name
        if name in stores:
            raise StoreError(
                f"{path} and {stores[name].path} are both called '{name}', which is to tell their "
                f"rows apart; rename one of the folders"
            )
        stores[name] = Store(path)
    return stores


def _united(stores: Mapping[str, Store]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    first: dict[str, str] = {}
    for name, store in stores.items():
        for column, stored in store.columns.items():
            found = Column(stored.kind, stored.options, stored.of_classes)
            if columns.setdefault(column, found) != found:
                raise StoreError(
                    f"column '{column}' is {_said(columns[column])} in {first[column]} and "
                    f"{_said(found)} in {name}; pack one of the stores again to match"
                )
            first.setdefault(column, name)
    return columns


def _said(column: Column) -> str:
    options = [f"{key}={value}" for key, value in column.options.items()]
    options += ["an item per class"] if column.of_classes else []
    return f"{column.kind} ({', '.join(options) or 'no options'})"


def _renamed(stores: Mapping[str, Store], splits: Mapping[str, str]) -> dict[tuple[str, str], str]:
    found = {
        (name, split): split for name, store in stores.items() for split in store.table.split_names
    }
    known = {*(split for _, split in found), *(f"{name}/{split}" for name, split in found)}
    for given in splits:
        if given not in known:
            raise StoreError(f"splits: no store has a split '{given}'{suggest(given, known)}")
    for name, split in found:
        found[name, split] = splits.get(f"{name}/{split}", splits.get(split, split))
    return found
