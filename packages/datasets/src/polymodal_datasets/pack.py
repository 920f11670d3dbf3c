"""Packing: rows of an importer into a store, atomically, in parallel, resumable."""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.rows import Importer

from polymodal_datasets.entries import SkippedRow
from polymodal_datasets.layout import (
    BAD_ROWS,
    ROW_COLUMNS,
    SCHEMA,
    SUMMARY_KEY,
    Fingerprint,
    content_keys,
    names_key,
    seal,
    table_key,
)
from polymodal_datasets.ledger import Ledger
from polymodal_datasets.packer import SHOWN, Packer, PackProgress
from polymodal_datasets.packing_options import packed_columns
from polymodal_datasets.partial import PartialStore
from polymodal_datasets.working_folder import locked

if TYPE_CHECKING:
    from polymodal_core.plugins import Registry

MOST_WORKERS = 8


@dataclass(frozen=True)
class PackReport:
    """What a pack made.

    `items` by column; `skipped` rows are not in the store, the first of them are `first_skipped`
    and all are listed in `bad_rows.jsonl`; `resumed` entries were packed by an earlier call.
    """

    path: Path
    rows: int
    items: Mapping[str, int]
    skipped: int
    first_skipped: tuple[SkippedRow, ...]
    resumed: int
    fingerprint: str


def pack(  # noqa: PLR0913
    importer: Importer,
    out: Path,
    *,
    registry: Registry,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    source: Mapping[str, Any] | None = None,
    strict: bool = False,
    workers: int | None = None,
    restart: bool = False,
    progress: Callable[[PackProgress], None] | None = None,
) -> PackReport:
    """Pack every row of an importer into a new store at `out`.

    `options` are packing options by name or kind of a column; `source` is plain data about the
    importer that is kept in the store, with what the importer counted in its `notes` as `left_out`.
    The work is done in `<out>.partial`: interrupted, the same
    call goes on with the last committed chunk, or from the beginning with `restart`. Rows with a
    value that cannot be packed are skipped and listed, or end a `strict` pack. `workers` threads
    pack values (by default one per core, at most 8); the store is the same for any number.

    Raises StoreError where `out` is taken, another pack is at work, the interrupted pack was begun
    with other options or other raw data, the disk is full, or no row could be packed.
    """
    out = Path(out)
    columns = packed_columns(importer.columns, registry=registry, options=options or {})
    described = {name: column.describe() for name, column in columns.items()}
    source = dict(source or {"importer": type(importer).__name__})
    with locked(out) as folder:
        plan = {"schema": SCHEMA, "source": source, "columns": described}
        partial = PartialStore(folder, plan=plan, restart=restart)
        try:
            resumed = 0
            summary = partial.summary()
            if summary is None:
                packer = Packer(importer, partial, columns, strict=strict, progress=progress)
                resumed = packer.run(_threads(workers))
                left_out = dict(getattr(importer, "notes", {}))
                noted = {**source, "left_out": left_out} if left_out else source
                summary = _finish(partial, packer.ledger, described, noted)
            partial.publish(out, summary)
        finally:
            partial.close()
    return PackReport(
        path=out,
        rows=summary["rows"],
        items={name: column["items"] for name, column in summary["columns"].items()},
        skipped=summary["bad_rows"],
        first_skipped=_first_skipped(out),
        resumed=resumed,
        fingerprint=summary["fingerprint"],
    )


def _threads(workers: int | None) -> int:
    return max(1, min(os.cpu_count() or 1, MOST_WORKERS) if workers is None else workers)


def _finish(
    partial: PartialStore,
    ledger: Ledger,
    columns: Mapping[str, Mapping[str, Any]],
    source: Mapping[str, Any],
) -> dict[str, Any]:
    if ledger.skipped:
        partial.write_lines(BAD_ROWS, (vars(item) for item in ledger.skipped))
    contents: dict[bytes, bytes] = {}
    for column, integers in ledger.table.items():
        contents[table_key(column)] = _little_endian(integers)
    for column in ROW_COLUMNS:
        contents[names_key(column)] = json.dumps(list(ledger.names[column])).encode()
    described = {
        name: {**column, "items": len(ledger.items[name])} for name, column in columns.items()
    }
    sealed = {key: seal(key, payload) for key, payload in contents.items()}
    counts = {name: len(items) for name, items in ledger.items.items()}
    keys = (key for _, _, key in content_keys(counts))
    fingerprint = Fingerprint(described)
    # Every value is read back: a store that is published is known to be sound.
    for value in partial.sealed(keys, instead=sealed):
        fingerprint.add(value)
    summary = {
        "schema": SCHEMA,
        "rows": ledger.num_rows,
        "columns": described,
        "instances": len(ledger.names["instance"]),
        "classes": len(ledger.names["label"]),
        "splits": list(ledger.names["split"]),
        "bad_rows": len(ledger.skipped),
        "source": source,
        "fingerprint": fingerprint.hexdigest(),
    }
    sealed[SUMMARY_KEY] = seal(SUMMARY_KEY, json.dumps(summary).encode())
    partial.write(list(sealed.items()), drop_chunks=True)
    return summary


def _little_endian(integers: array[int]) -> bytes:
    if sys.byteorder == "big":
        integers = array("q", integers)
        integers.byteswap()
    return integers.tobytes()


def _first_skipped(path: Path) -> tuple[SkippedRow, ...]:
    try:
        with (path / BAD_ROWS).open(encoding="utf-8") as lines:
            return tuple(SkippedRow(**json.loads(line)) for line in islice(lines, SHOWN))
    except FileNotFoundError:
        return ()
