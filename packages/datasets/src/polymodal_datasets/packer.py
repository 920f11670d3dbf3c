"""Taking rows from an importer to a partial store, a chunk at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from polymodal_core.errors import PolymodalError, StoreError, ValueRejectedError
from polymodal_core.rows import BadRow, Importer, Row

from polymodal_datasets.deferred import Deferred
from polymodal_datasets.entries import Entry, SkippedRow, make_entry
from polymodal_datasets.layout import id_key, item_key, seal, unseal
from polymodal_datasets.ledger import Ledger
from polymodal_datasets.packing_options import PackedColumn
from polymodal_datasets.partial import PartialStore
from polymodal_datasets.registration import Registration
from polymodal_datasets.workers import PackedEntry, PackingThreads

CHUNK_VALUES = 1024
CHUNK_BYTES = 1 << 25
CHUNK_SECONDS = 2.0
SHOWN = 5


@dataclass(frozen=True)
class PackProgress:
    """How far a pack has come: entries read of `total`, if that is known, and what became of them.

    `resumed` of the entries were packed by an earlier call.
    """

    entries: int
    total: int | None
    rows: int
    items: int
    skipped: int
    resumed: int


class Packer:
    """Takes rows from an importer to a partial store, a chunk at a time."""

    def __init__(
        self,
        importer: Importer,
        partial: PartialStore,
        columns: Mapping[str, PackedColumn],
        *,
        strict: bool,
        progress: Callable[[PackProgress], None] | None,
    ) -> None:
        """Begin where the partial store stands."""
        self.importer = importer
        self.partial = partial
        self.columns = columns
        self.strict = strict
        self.progress = progress
        self.ledger = Ledger(list(columns))
        self.registration = Registration(columns, self._stored)
        self.resumed = 0
        self._values: list[tuple[bytes, bytes]] = []
        self._bytes = 0
        self._committed = time.monotonic()
        self._writing = False

    def run(self, workers: int) -> int:
        """Pack everything that is not packed yet; gives the number of entries that were."""
        entries = self._entries()
        self._resume(entries)
        if self.strict and self.ledger.skipped:
            raise _stopped(self.ledger.skipped[0])
        threads = PackingThreads(self._pack, known=self._known, workers=workers)
        try:
            with closing(threads.run(entries)) as packed_entries:
                for packed in packed_entries:
                    self._take(packed)
                    self._report()
        except PolymodalError:
            self._commit()
            raise
        self._commit()
        if self.ledger.num_rows == 0:
            self.partial.drop()
            raise self._nothing()
        return self.resumed

    def _entries(self) -> Iterator[Entry]:
        for number, row in enumerate(self.importer.rows()):
            yield make_entry(number, row, self.columns)

    def _resume(self, entries: Iterator[Entry]) -> None:
        chunks = self.partial.chunks()
        if not chunks:
            return
        counts = chunks[-1]["items"]
        ids = {name: self.partial.ids(name, counts[name]) for name in self.columns}
        self.ledger.restore(chunks, ids)
        skipped = {item.entry for item in self.ledger.skipped}
        for entry in islice(entries, chunks[-1]["entries"]):
            self.ledger.observe_again(entry, skipped=entry.number in skipped)
            self.resumed += 1
            self._report()
        if self.ledger.digest != chunks[-1]["digest"]:
            raise StoreError(
                f"{self.partial.folder}: the raw data have changed since this pack was begun; "
                f"give --restart to drop what was packed"
            )

    def _pack(self, column: str, value: Any) -> bytes:
        if isinstance(value, Deferred):
            return value.make()
        return self.columns[column].modality.pack(value, self.importer.root)

    def _known(self, column: str, item: str) -> bool:
        return item in self.ledger.items[column]

    def _take(self, packed: PackedEntry) -> None:
        entry = packed.entry
        skipped = self._fault(packed)
        if skipped is not None and self.strict:
            raise _stopped(skipped)
        self.ledger.observe(entry)
        if skipped is not None:
            self.ledger.skip(skipped)
        else:
            assert isinstance(entry.row, Row)
            self.registration.keep(entry.row, packed.payloads)
            for column, number, name in self.ledger.accept(entry):
                self._put(item_key(column, number), packed.payloads[column])
                self._put(id_key(column, number), name.encode())
        late = time.monotonic() - self._committed > CHUNK_SECONDS
        if late or len(self._values) >= CHUNK_VALUES or self._bytes >= CHUNK_BYTES:
            self._commit()

    def _fault(self, packed: PackedEntry) -> SkippedRow | None:
        entry = packed.entry
        if isinstance(entry.row, BadRow):
            return entry.skipped(entry.row.message)
        if not entry.row.items:
            return entry.skipped("has no value in any column")
        if packed.rejected is not None:
            column, message = packed.rejected
            return entry.skipped(message, column=column)
        mismatch = self.registration.mismatch(entry.row, packed.payloads)
        if mismatch is not None:
            return entry.skipped(mismatch.message, column=mismatch.column)
        return self.ledger.conflict(entry)

    def _stored(self, column: str, item: str) -> bytes:
        key = item_key(column, self.ledger.items[column][item])
        return unseal(key, next(self.partial.sealed([key])))

    def _put(self, key: bytes, payload: bytes) -> None:
        self._values.append((key, seal(key, payload)))
        self._bytes += len(payload)

    def _commit(self) -> None:
        if self._writing:  # this very write has failed: its rows must not count as committed
            return
        self._writing = True
        chunk = self.ledger.take_chunk()
        self.partial.commit(chunk, self._values)
        self._values, self._bytes = [], 0
        self._committed = time.monotonic()
        self._writing = False

    def _report(self) -> None:
        if self.progress is not None:
            ledger = self.ledger
            self.progress(
                PackProgress(
                    entries=ledger.entries,
                    total=self.importer.total,
                    rows=ledger.num_rows,
                    items=ledger.num_items,
                    skipped=len(ledger.skipped),
                    resumed=self.resumed,
                )
            )

    def _nothing(self) -> StoreError:
        skipped = self.ledger.skipped
        reasons = "".join(f"\n  {item}" for item in skipped[:SHOWN])
        return StoreError(
            f"no row could be packed: the importer yielded {self.ledger.entries}, and "
            f"{len(skipped)} were bad{reasons}"
        )


def _stopped(skipped: SkippedRow) -> ValueRejectedError:
    return ValueRejectedError(
        f"{skipped}\nstopped by --strict; correct the row and give the same command again, or "
        f"leave --strict out to skip such rows"
    )
