"""Packing values in threads, several rows ahead, handed over in the importer's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from polymodal_core.errors import ValueRejectedError
from polymodal_core.rows import BadRow, Row

from polymodal_datasets.entries import Entry

ROWS_AHEAD = 16
"""Rows in flight per thread."""

Pack = Callable[[str, Any], bytes]
Job = tuple[str, str, int]


@dataclass(frozen=True)
class PackedEntry:
    """An entry with the packed values of the items that were not known when it was read.

    `rejected` is (column, message) of the first value that could not be packed.
    """

    entry: Entry
    payloads: dict[str, bytes]
    rejected: tuple[str, str] | None = None


class PackingThreads:
    """Packs the values of entries in threads; an item that several rows hold is packed once.

    `known(column, id)` says that an item is stored already.
    """

    def __init__(self, pack: Pack, *, known: Callable[[str, str], bool], workers: int) -> None:
        """Start `workers` threads."""
        self._pack = pack
        self._known = known
        self._ahead = ROWS_AHEAD * workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="pack")
        self._jobs: dict[Job, tuple[Future[bytes], int]] = {}
        self._rejected: dict[Job, str] = {}

    def run(self, entries: Iterable[Entry]) -> Generator[PackedEntry]:
        """Yield every entry with its packed values, in order."""
        waiting: deque[tuple[Entry, dict[str, Job]]] = deque()
        try:
            for entry in entries:
                waiting.append((entry, self._submit(entry)))
                if len(waiting) > self._ahead:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, entry: Entry) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        if isinstance(entry.row, BadRow):
            return jobs
        for column, item in entry.row.items.items():
            # The checksum is part of the job: another value under this id must not pass for it.
            job = (column, item.id, entry.checksums[column])
            if self._known(column, item.id):
                continue
            jobs[column] = job
            if job in self._rejected:
                continue
            future, users = self._jobs.get(job) or (
                self._pool.submit(self._pack, column, item.value),
                0,
            )
            self._jobs[job] = (future, users + 1)
        return jobs

    def _finish(self, entry: Entry, jobs: dict[str, Job]) -> PackedEntry:
        payloads: dict[str, bytes] = {}
        rejected: tuple[str, str] | None = None
        for column, job in jobs.items():
            try:
                payload = self._result(entry, job)
            except ValueRejectedError as error:
                self._rejected[job] = str(error)
                rejected = rejected or (column, str(error))
            else:
                payloads[column] = payload
        return PackedEntry(entry, payloads, rejected)

    def _result(self, entry: Entry, job: Job) -> bytes:
        if job not in self._jobs:
            raise ValueRejectedError(self._rejected[job])
        future, users = self._jobs.pop(job)
        if users > 1:
            self._jobs[job] = (future, users - 1)
        try:
            return future.result()
        except ValueRejectedError:
            raise
        except Exception as error:
            assert isinstance(entry.row, Row)
            error.add_note(f"while packing column '{job[0]}', item '{job[1]}' ({entry.row.origin})")
            raise
