"""Reading everything in a store, to find what is damaged.

`python -m polymodal_datasets.scan STORE` prints what it finds as JSON lines. It is a process of its
own: a damaged page of LMDB's tree can send a reader behind the end of the file, and end it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError, StoreError

from polymodal_datasets.layout import (
    CHECKSUM_BYTES,
    DESCRIPTION,
    SUMMARY_KEY,
    Fingerprint,
    content_keys,
    id_key,
    item_key,
    unseal,
)
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import lmdb

STEP = 256
"""Keys between two reports of the position."""


@dataclass(frozen=True)
class Damage:
    """One thing wrong with a store: what, and in which column, item and key, where it is in one."""

    message: str
    column: str | None = None
    item: int | None = None
    id: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        """Give it as one line."""
        if self.column is None or self.item is None or self.item < 0:
            return f"{self.key}: {self.message}" if self.key is not None else self.message
        name = f" ('{self.id}')" if self.id is not None else ""
        return f"item {self.item} of column '{self.column}'{name}, {self.key}: {self.message}"


def scan(store: Store) -> Iterator[Damage | int]:
    """Read every value: yields what is damaged, and now and then the number of keys read."""
    import lmdb

    counts = {name: column.count for name, column in store.columns.items()}
    description = json.loads((store.path / DESCRIPTION).read_text(encoding="utf-8"))
    fingerprint = Fingerprint(description["columns"])
    found = 0
    number = 0
    with store.transaction() as transaction:
        for number, (column, item, key) in enumerate(content_keys(counts), start=1):
            if number % STEP == 0:
                yield number
            try:
                value = transaction.get(key)
                if value is None:
                    raise StoreError("is missing")
                unseal(key, value)
                fingerprint.add(value)
            except (StoreError, lmdb.Error) as error:
                found += 1
                message = str(error).removeprefix(f"{key.decode()} ")
                yield Damage(message, column, item, _id(transaction, column, item), key.decode())
        summary, entries = transaction.get(SUMMARY_KEY), transaction.stat()["entries"]
    yield number
    if found == 0:
        yield from _whole(store, description, summary, entries - number - 1)
        if fingerprint.hexdigest() != store.fingerprint:
            yield Damage("the fingerprint is not that of the contents", key=DESCRIPTION)


def _id(transaction: lmdb.Transaction, column: str, item: int) -> str | None:
    import lmdb

    try:
        value = bytes(transaction.get(id_key(column, item), b"")) if item >= 0 else b""
    except lmdb.Error:
        return None
    return value[CHECKSUM_BYTES:].decode(errors="replace") or None


def _whole(
    store: Store, description: dict[str, Any], summary: memoryview | bytes | None, unknown: int
) -> Iterator[Damage]:
    import numpy as np

    said = {name: value for name, value in description.items() if name != "data_bytes"}
    if summary is None or json.loads(unseal(SUMMARY_KEY, summary)) != said:
        yield Damage("does not say what was packed", key=DESCRIPTION)
    if unknown != 0:
        yield Damage(f"{unknown} entries that belong to no column", key="data.mdb")
    table = store.table
    limits = {
        "instance": len(store.instance_names),
        "label": len(table.class_names),
        "split": len(table.split_names),
        **{name: column.count for name, column in store.columns.items()},
    }
    integers = {
        "instance": table.instance,
        "label": table.label,
        "split": table.split,
        **table.items,
    }
    for name, limit in limits.items():
        numbers = integers[name]
        if len(numbers) != description["rows"]:
            yield Damage(f"has {len(numbers)} rows of {description['rows']}", key=f".table/{name}")
        outside = np.flatnonzero((numbers < -1) | (numbers >= limit))
        if len(outside):
            yield Damage(
                f"row {outside[0]} holds {numbers[outside[0]]}; there are {limit}",
                key=f".table/{name}",
            )
    for name, column in store.columns.items():
        orphans = np.setdiff1d(np.arange(column.count), table.items[name])
        for item in orphans:
            key = item_key(name, item).decode()
            yield Damage("belongs to no row", name, int(item), store.id(name, int(item)), key)


def main() -> int:
    """Scan the store named by the only argument."""
    try:
        for found in scan(Store(Path(sys.argv[1]))):
            record = asdict(found) if isinstance(found, Damage) else {"position": found}
            print(json.dumps(record), flush=True)
    except PolymodalError as error:
        print(error)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
