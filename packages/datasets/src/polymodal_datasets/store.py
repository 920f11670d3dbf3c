"""The store: items of every column, and the row table that says which of them belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import StoreError, UnknownNameError, suggest
from polymodal_core.table import RowTable

from polymodal_datasets.handles import Handle, check_size, read_handle
from polymodal_datasets.layout import (
    DATA,
    DESCRIPTION,
    ROW_COLUMNS,
    SCHEMA,
    description_faults,
    id_key,
    item_key,
    names_key,
    table_key,
    unseal,
)
from polymodal_datasets.working_folder import partial_path

if TYPE_CHECKING:
    import lmdb
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class StoredColumn:
    """One column: its kind, the packing options that were set, and its number of items.

    `of_classes` is True where an item stands for a class.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    of_classes: bool
    count: int


class Store:
    """A packed data set, opened for reading.

    `store.json` is read and the size of `data.mdb` compared before LMDB opens anything; the
    environment is opened on first use, once per process. A store can be pickled and sent to
    workers, and used on both sides of a fork. Raises StoreError where there is no sound store.
    """

    def __init__(self, path: Path | str, *, names: Mapping[str, str] | None = None) -> None:
        """Open the store in the folder `path`.

        `names` gives the columns other names, {new: stored}, and leaves out those it lacks. Raises
        UnknownNameError for a stored name that is none.
        """
        self.path = Path(path)
        self._names = None if names is None else dict(names)
        self._description = _read_description(self.path)
        self._handle: Handle | None = None
        check_size(self.path, self._description["data_bytes"])
        stored = self._description["columns"]
        for name in () if names is None else names.values():
            if name not in stored:
                raise UnknownNameError(f"{self.path} has no column '{name}'{suggest(name, stored)}")

    def __reduce__(self) -> tuple[Any, tuple[Path, dict[str, str] | None]]:
        """Pickle as a path: whoever unpickles opens the environment anew."""
        return _opened, (self.path, self._names)

    def __repr__(self) -> str:
        """Name the folder."""
        return f"Store({str(self.path)!r})"

    @cached_property
    def columns(self) -> dict[str, StoredColumn]:
        """The columns by name, in the importer's order."""
        return {
            name: StoredColumn(
                name, column["kind"], column["options"], column["of_classes"], column["items"]
            )
            for name, column in self._described_columns().items()
        }

    @property
    def fingerprint(self) -> str:
        """Checksum of everything in the store: equal for equal contents."""
        return str(self._description["fingerprint"])

    @cached_property
    def table(self) -> RowTable:
        """The row table; its arrays are read-only."""
        with self.transaction() as transaction:
            integers = {
                name: _integers(self._get(transaction, table_key(self._stored(name))))
                for name in (*self.columns, *ROW_COLUMNS)
            }
            names = {
                name: tuple(json.loads(self._get(transaction, names_key(name))))
                for name in ("label", "split")
            }
        return RowTable(
            items={name: integers[name] for name in self.columns},
            instance=integers["instance"],
            label=integers["label"],
            split=integers["split"],
            class_names=names["label"],
            split_names=names["split"],
            of_classes=frozenset(name for name, item in self.columns.items() if item.of_classes),
        )

    @cached_property
    def instance_names(self) -> tuple[str, ...]:
        """What the importer called each instance."""
        with self.transaction() as transaction:
            return tuple(json.loads(self._get(transaction, names_key("instance"))))

    def column(self, name: str) -> StoredColumn:
        """Give a column; raises UnknownNameError with the nearest name."""
        if name not in self.columns:
            raise UnknownNameError(
                f"{self.path} has no column '{name}'{suggest(name, self.columns)}"
            )
        return self.columns[name]

    def rows_of(self, split: str) -> Integers:
        """Give the rows of a split, ascending; raises StoreError that lists the splits."""
        import numpy as np

        names = self.table.split_names
        if split not in names:
            counts = ", ".join(f"{name} ({rows})" for name, rows in self._split_rows().items())
            raise StoreError(
                f"{self.path} has no split '{split}'{suggest(split, names)}; rows: {counts}"
            )
        return np.flatnonzero(self.table.split == names.index(split))

    def read(self, column: str, items: Sequence[int] | Integers) -> list[bytes]:
        """Read the payloads of a column's items; raises StoreError that names a damaged one."""
        return self.read_batch({column: items})[column]

    def read_batch(self, items: Mapping[str, Sequence[int] | Integers]) -> dict[str, list[bytes]]:
        """Read items of several columns in one transaction."""
        for column in items:
            self.column(column)
        with self.transaction() as transaction:
            return {
                column: [self._item(transaction, column, int(number)) for number in numbers]
                for column, numbers in items.items()
            }

    def id(self, column: str, item: int) -> str:
        """Give the id that the importer gave an item."""
        self.column(column)
        with self.transaction() as transaction:
            return self._get(transaction, id_key(self._stored(column), item)).decode()

    def describe(self) -> dict[str, Any]:
        """Say what is in the store, as plain data.

        `columns` holds kind, options, of_classes, items, rows that have it, and such rows per
        split; `splits` the rows per split; then rows, classes, instances, bytes, fingerprint,
        source and bad_rows.
        """
        table = self.table
        described = dict(self._description)
        described["path"] = str(self.path)
        described["splits"] = self._split_rows()
        described["columns"] = {
            name: {
                **self._described_columns()[name],
                "rows": int(table.present(name).sum()),
                "splits": {
                    split: int((table.present(name) & (table.split == number)).sum())
                    for number, split in enumerate(table.split_names)
                },
            }
            for name in self.columns
        }
        return described

    def transaction(self) -> lmdb.Transaction:
        """Begin to read in this process; opens the environment where it is not open yet."""
        if self._handle is None or not self._handle.usable:
            self._handle = read_handle(self.path, size=self._description["data_bytes"])
        return self._handle.environment.begin(buffers=True)

    def _split_rows(self) -> dict[str, int]:
        return {
            name: int((self.table.split == number).sum())
            for number, name in enumerate(self.table.split_names)
        }

    def _stored(self, column: str) -> str:
        return column if self._names is None else self._names.get(column, column)

    def _described_columns(self) -> dict[str, Any]:
        stored: dict[str, Any] = self._description["columns"]
        if self._names is None:
            return stored
        return {name: stored[old] for name, old in self._names.items()}

    def _item(self, transaction: lmdb.Transaction, column: str, number: int) -> bytes:
        key = item_key(self._stored(column), number)
        value = transaction.get(key)
        if value is None:
            raise StoreError(
                f"{self.path} has no item {number} in column '{column}' "
                f"(items 0 to {self.columns[column].count - 1})"
            )
        try:
            return unseal(key, value)
        except StoreError as error:
            found = transaction.get(id_key(self._stored(column), number), b"")
            name = bytes(found)[4:].decode(errors="replace")
            raise StoreError(
                f"{self.path}: item {number} of column '{column}' ('{name}'): {error}; "
                f"`polymodal-pack verify {self.path}` looks for more"
            ) from None

    def _get(self, transaction: lmdb.Transaction, key: bytes) -> bytes:
        value = transaction.get(key)
        if value is None:
            raise StoreError(f"{self.path}: {key.decode()} is missing from {DATA}; pack again")
        try:
            return unseal(key, value)
        except StoreError as error:
            raise StoreError(f"{self.path}: {error}; pack again") from None


def _opened(path: Path, names: dict[str, str] | None) -> Store:
    return Store(path, names=names)


def _integers(payload: bytes) -> Integers:
    import numpy as np

    return np.frombuffer(payload, dtype="<i8").astype(np.int64, copy=False)


def _read_description(path: Path) -> dict[str, Any]:
    description = path / DESCRIPTION
    partial = partial_path(path)
    hint = (
        f"its pack was interrupted: give the same polymodal-pack command again to finish {partial}"
        if partial.is_dir()
        else f"make one with `polymodal-pack ... --out {path}`"
    )
    if not path.is_dir():
        raise StoreError(f"{path}: no store here; {hint}")
    try:
        read: dict[str, Any] = json.loads(description.read_text(encoding="utf-8"))
        schema = read["schema"]
        faults = description_faults(read) if schema == SCHEMA else []
    except FileNotFoundError:
        raise StoreError(f"{path}: no store here ({DESCRIPTION} is missing); {hint}") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise StoreError(f"{description} is damaged ({error!r}); pack again") from None
    if schema != SCHEMA:
        raise StoreError(
            f"{path} has schema version {schema}; this polymodal-datasets reads version {SCHEMA}. "
            f"Pack the data again, or install a version that reads it"
        )
    if faults:
        raise StoreError(f"{description} is damaged: {'; '.join(faults)}; pack again")
    return read
