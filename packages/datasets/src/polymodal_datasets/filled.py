"""A store's rows with the gaps of one column filled in, as an importer for a new store."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from polymodal_core.errors import StoreError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.deferred import Deferred
from polymodal_datasets.store import Store
from polymodal_datasets.stored_items import stored_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

Filling = tuple[bytes, bytes]
"""Stored bytes of a value and of its confidence."""
KEPT = 64
"""Estimates that wait for the second of their two items to be packed."""


@dataclass(frozen=True)
class Gaps:
    """Columns of a filling: what is filled (and its kind), from what, and where trust is kept.

    A row whose value was estimated has a picture in the column `confidence`, white where the
    estimate is to be trusted; a row with a value of its own has none.
    """

    column: str
    kind: str
    source: str
    confidence: str

    def missing(self, store: Store) -> Rows:
        """Give the rows that lack a value and have what it is estimated from, ascending."""
        import numpy as np

        return np.flatnonzero(store.table.present(self.source) & ~self._present(store, self.column))

    def true(self, store: Store, split: str) -> Rows:
        """Give the rows of a split that have both, the value not being an estimate itself."""
        import numpy as np

        estimated = self._present(store, self.confidence)
        both = store.table.present(self.source) & self._present(store, self.column) & ~estimated
        names = store.table.split_names
        return np.flatnonzero(both & (store.table.split == names.index(split)))

    @staticmethod
    def _present(store: Store, column: str) -> NDArray[np.bool_]:
        import numpy as np

        if column not in store.columns:
            return np.zeros(len(store.table), dtype=np.bool_)
        return np.asarray(store.table.present(column))


class FilledStore:
    """Yields the rows of a store, items copied byte for byte, gaps filled by `estimate`.

    `estimate(item)` makes the bytes of value and confidence from an item of the source column; it
    is called once per item, when that is packed.
    """

    root: str | None = None

    def __init__(
        self, store: Store, gaps: Gaps, estimate: Callable[[int], Filling], *, token: str
    ) -> None:
        """Remember the store; raises StoreError where no row lacks a value that can be estimated.

        `token` stands for what `estimate` does: another one is other raw data.
        """
        self._store, self._gaps, self._token = store, gaps, token
        self._filled = {int(row) for row in gaps.missing(store)}
        self._estimates = _Estimates(estimate)
        if not self._filled:
            raise StoreError(
                f"{store.path}: no row that has '{gaps.source}' lacks '{gaps.column}'; there is "
                f"nothing to fill"
            )

    @property
    def columns(self) -> Mapping[str, Column]:
        """The store's columns, with what is filled and its confidence."""
        found = {
            name: Column(column.kind, column.options, column.of_classes)
            for name, column in self._store.columns.items()
        }
        found.setdefault(self._gaps.column, Column(self._gaps.kind))
        found.setdefault(self._gaps.confidence, Column(found[self._gaps.source].kind))
        return found

    @property
    def total(self) -> int:
        """Number of rows."""
        return len(self._store.table)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield every row of the store, in its order."""
        table, store, gaps = self._store.table, self._store, self._gaps
        instances = store.instance_names
        for number in range(len(table)):
            items = {
                name: self._copied(name, int(held[number]))
                for name, held in table.items.items()
                if held[number] >= 0
            }
            if number in self._filled:
                source = int(table.items[gaps.source][number])
                items[gaps.column] = self._estimated(source, 0)
                items[gaps.confidence] = self._estimated(source, 1)
            instance, label = int(table.instance[number]), int(table.label[number])
            yield Row(
                items,
                instances[instance] if instance >= 0 else None,
                table.class_names[label] if label >= 0 else None,
                table.split_names[int(table.split[number])],
                f"row {number}",
            )

    def _copied(self, column: str, item: int) -> Item:
        return Item(self._store.id(column, item), stored_value(self._store, column, item))

    def _estimated(self, item: int, part: int) -> Item:
        name = f"{self._store.id(self._gaps.source, item)}#estimated"
        token = f"{self._store.fingerprint}/{self._token}/{item}"
        return Item(name, Deferred(token, partial(self._estimates.part, item, part)))


class _Estimates:
    """Makes each estimate once for the two items it is stored as, whichever thread asks first."""

    def __init__(self, estimate: Callable[[int], Filling]) -> None:
        self._estimate = estimate
        self._lock = threading.Lock()
        self._known: OrderedDict[int, Future[Filling]] = OrderedDict()

    def part(self, item: int, part: int) -> bytes:
        with self._lock:
            future = self._known.get(item)
            mine = future is None
            if future is None:
                future = self._known[item] = Future()
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
        if mine:
            try:
                future.set_result(self._estimate(item))
            except BaseException as error:
                future.set_exception(error)
        return future.result()[part]
