"""The layout of a store on disk: file names, keys, and the checksum in front of every value."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from polymodal_core.errors import StoreError

SCHEMA = 1
DATA = "data.mdb"
DESCRIPTION = "store.json"
BAD_ROWS = "bad_rows.jsonl"
CHECKSUM_BYTES = 4
ROW_COLUMNS = ("instance", "label", "split")
"""Integer columns of the row table beside those of the modalities."""


def item_key(column: str, item: int) -> bytes:
    """Key of an item: `image/00000042`."""
    return f"{column}/{item:08d}".encode()


# No column's name starts with a dot, so none of the following can meet an item's key.


def id_key(column: str, item: int) -> bytes:
    """Key of the id that the importer gave an item."""
    return f".id/{column}/{item:08d}".encode()


def table_key(column: str) -> bytes:
    """Key of one column of the row table, little-endian int64 [rows]."""
    return f".table/{column}".encode()


def names_key(column: str) -> bytes:
    """Key of the names of instances, labels or splits: a JSON list, in order of their numbers."""
    return f".names/{column}".encode()


DESCRIBED: dict[str, type] = {
    "rows": int,
    "columns": dict,
    "instances": int,
    "classes": int,
    "bad_rows": int,
    "source": dict,
    "fingerprint": str,
    "data_bytes": int,
}
"""What `store.json` must hold, and as what."""

DESCRIBED_COLUMN: dict[str, type] = {"kind": str, "options": dict, "of_classes": bool, "items": int}
"""What it must say of every column."""

SUMMARY_KEY = b".summary"
"""Key of what `store.json` says, but for the size of `data.mdb`."""


def description_faults(read: Mapping[str, Any]) -> list[str]:
    """Say what a `store.json` of this schema lacks or holds as something else."""
    faults = _faults(read, DESCRIBED, "")
    columns = read.get("columns")
    if isinstance(columns, dict):
        for name, column in columns.items():
            faults += (
                _faults(column, DESCRIBED_COLUMN, f"columns.{name}.")
                if isinstance(column, dict)
                else [f"columns.{name} is {column!r}"]
            )
    return faults


def _faults(read: Mapping[str, Any], wanted: Mapping[str, type], path: str) -> list[str]:
    return [
        f"{path}{key} is {read[key]!r}" if key in read else f"{path}{key} is missing"
        for key, kind in wanted.items()
        if type(read.get(key)) is not kind
    ]


def content_keys(counts: Mapping[str, int]) -> Iterator[tuple[str, int, bytes]]:
    """Give (column, item, key) of all that columns with so many items consist of.

    An item's id comes after the item; the row table and the names come last, as item -1.
    """
    for column, count in counts.items():
        for item in range(count):
            yield column, item, item_key(column, item)
            yield column, item, id_key(column, item)
    for column in (*counts, *ROW_COLUMNS):
        yield column, -1, table_key(column)
    for column in ROW_COLUMNS:
        yield column, -1, names_key(column)


class Fingerprint:
    """Checksum of a whole store: of its columns, and of the checksums of all its values."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        """Start with what `store.json` says of the columns."""
        self._digest = blake2b(json.dumps(columns, sort_keys=True).encode(), digest_size=16)

    def add(self, value: memoryview | bytes) -> None:
        """Add a sealed value, in the order of `content_keys`."""
        self._digest.update(bytes(value[:CHECKSUM_BYTES]) + len(value).to_bytes(8, "little"))

    def hexdigest(self) -> str:
        """Give it as text."""
        return self._digest.hexdigest()


def seal(key: bytes, payload: bytes) -> bytes:
    """Put a checksum before a payload.

    CRC-32 of key and payload, so that a value under another's key is noticed too. It costs a
    hundredth of what decoding a picture costs; a cryptographic hash would cost five times that.
    """
    return zlib.crc32(payload, zlib.crc32(key)).to_bytes(CHECKSUM_BYTES, "little") + payload


def unseal(key: bytes, value: memoryview | bytes) -> bytes:
    """Give the payload of a sealed value; raises StoreError where the checksum does not fit."""
    payload = bytes(value[CHECKSUM_BYTES:])
    expected = int.from_bytes(value[:CHECKSUM_BYTES], "little")
    if len(value) < CHECKSUM_BYTES or zlib.crc32(payload, zlib.crc32(key)) != expected:
        raise StoreError(
            f"{key.decode()} is damaged: its checksum does not fit its {len(payload)} bytes"
        )
    return payload
