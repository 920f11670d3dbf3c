"""An unfinished store: committed in chunks, published by giving its folder its final name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import StoreError

from polymodal_datasets.layout import (
    CHECKSUM_BYTES,
    DATA,
    DESCRIPTION,
    SUMMARY_KEY,
    id_key,
    seal,
    unseal,
)
from polymodal_datasets.working_folder import LOCK, OWN_FILES, PLAN

if TYPE_CHECKING:
    import lmdb

    from polymodal_datasets.ledger import Chunk

MAP_BYTES = 1 << 28

Values = Sequence[tuple[bytes, bytes]]


class PartialStore:
    """The environment of an unfinished store; the caller holds the lock of its folder."""

    def __init__(self, folder: Path, *, plan: Mapping[str, Any], restart: bool = False) -> None:
        """Go on with what `folder` holds, or start anew where it holds nothing.

        `plan` says what is packed and how. Raises StoreError where the folder was begun with
        another one, unless `restart` drops what it holds.
        """
        self.folder = folder
        if restart or not (folder / PLAN).exists():
            _clear(folder)
            with explained(folder):
                self._environment = _open(folder)
                write_json(folder / PLAN, plan)
        else:
            _check_plan(folder, plan)
            with explained(folder):
                self._environment = _open(folder)
        self.num_chunks = int(self._get(b".chunks", b"0"))

    def chunks(self) -> list[dict[str, Any]]:
        """Read the chunks that were committed."""
        keys = [_chunk_key(number) for number in range(self.num_chunks)]
        return [json.loads(value[CHECKSUM_BYTES:]) for value in self.sealed(keys)]

    def ids(self, column: str, count: int) -> list[str]:
        """Read the ids of a column's items that were committed, in the order of their numbers."""
        keys = (id_key(column, item) for item in range(count))
        return [value[CHECKSUM_BYTES:].decode() for value in self.sealed(keys)]

    def summary(self) -> dict[str, Any] | None:
        """Read what `store.json` will say, if everything is packed and it is known."""
        if not self._get(SUMMARY_KEY):
            return None
        summary: dict[str, Any] = json.loads(next(self.sealed([SUMMARY_KEY]))[CHECKSUM_BYTES:])
        return summary

    def sealed(
        self, keys: Iterable[bytes], *, instead: Mapping[bytes, bytes] | None = None
    ) -> Iterator[bytes]:
        """Read values with their checksums, which must fit; those of `instead` are not read.

        Raises StoreError for a value that is missing or damaged.
        """
        known = instead or {}
        with self._environment.begin() as transaction:
            for key in keys:
                with self._sound():
                    value = known[key] if key in known else transaction.get(key, b"")
                    unseal(key, value)
                yield value

    def _get(self, key: bytes, default: bytes = b"") -> bytes:
        with self._sound(), self._environment.begin() as transaction:
            return transaction.get(key, default)

    @contextmanager
    def _sound(self) -> Iterator[None]:
        import lmdb

        try:
            yield
        except (StoreError, lmdb.Error) as error:
            raise StoreError(
                f"{self.folder} is damaged ({error}); give --restart to drop what it holds"
            ) from None

    def commit(self, chunk: Chunk, values: Values) -> None:
        """Write a chunk and its values, all or nothing; a kill loses at most the open chunk."""
        key = _chunk_key(self.num_chunks)
        record = seal(key, json.dumps(vars(chunk)).encode())
        self.write([*values, (key, record), (b".chunks", str(self.num_chunks + 1).encode())])
        self.num_chunks += 1

    def write(self, values: Values, *, drop_chunks: bool = False) -> None:
        """Put values in one transaction; the map grows where it is full.

        Raises StoreError where the disk is full; what was committed before stays.
        """
        import lmdb

        with explained(self.folder):
            while True:
                try:
                    self._write(values, drop_chunks=drop_chunks)
                    return
                except lmdb.MapFullError:
                    self._environment.set_mapsize(2 * self._environment.info()["map_size"])

    def _write(self, values: Values, *, drop_chunks: bool) -> None:
        with self._environment.begin(write=True) as transaction:
            for key, value in values:
                transaction.put(key, value)
            if drop_chunks:
                for number in range(self.num_chunks):
                    transaction.delete(_chunk_key(number))
                transaction.delete(b".chunks")

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()

    def write_lines(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Write a file of JSON lines beside the data."""
        with explained(self.folder), (self.folder / name).open("w", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def drop(self) -> None:
        """Delete the folder: there is nothing in it to go on with."""
        self.close()
        _clear(self.folder)
        (self.folder / LOCK).unlink()
        self.folder.rmdir()

    def publish(self, out: Path, description: Mapping[str, Any]) -> None:
        """Write `store.json` and give the folder its final name."""
        with explained(self.folder):
            self.close()
            data = self.folder / DATA
            size = data.stat().st_size
            write_json(self.folder / DESCRIPTION, {**description, "data_bytes": size})
            self.folder.rename(out)
            for name in (PLAN, LOCK):
                (out / name).unlink()
            _sync(out.parent)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn a failure to write into a StoreError that says what to do."""
    import lmdb

    try:
        yield
    except lmdb.MapFullError:
        raise
    except (lmdb.Error, OSError) as error:
        # LMDB reports a write that was cut short (full disk, file-size limit) as an
        # input/output error.
        free = os.statvfs(folder.parent)
        raise StoreError(
            f"{folder} could not be written ({error}); the disk has "
            f"{free.f_bavail * free.f_frsize:,} bytes free (or is there a limit on the size of "
            f"files?). What was packed so far is kept: make room, and give the same command "
            f"again to go on"
        ) from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _sync(path.parent)


def _open(folder: Path) -> lmdb.Environment:
    import lmdb

    environment = lmdb.open(str(folder), lock=False, map_size=MAP_BYTES)
    _extend(folder, environment)
    return environment


def _extend(folder: Path, environment: lmdb.Environment) -> None:
    # Reading behind the end of a mapped file ends the process with SIGBUS. Zeros, which no
    # checksum fits, are an error that can be reported.
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    data = folder / DATA
    if data.stat().st_size < needed:
        os.truncate(data, needed)


def _chunk_key(number: int) -> bytes:
    return f".chunk/{number:08d}".encode()


def _clear(folder: Path) -> None:
    for name in OWN_FILES - {LOCK}:
        (folder / name).unlink(missing_ok=True)


def _check_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    try:
        begun = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreError(
            f"{folder / PLAN} is damaged ({error}); give --restart to drop what the folder holds"
        ) from None
    now = json.loads(json.dumps(plan))
    if begun != now:
        raise StoreError(
            f"{folder} was begun differently: {'; '.join(_differences(begun, now))}. Give the "
            f"options it was begun with to go on, or --restart to drop what it holds"
        )


def _differences(begun: Any, now: Any, path: str = "") -> list[str]:
    if isinstance(begun, dict) and isinstance(now, dict):
        return [
            text
            for name in sorted(begun.keys() | now.keys())
            for text in _differences(
                begun.get(name), now.get(name), f"{path}.{name}" if path else name
            )
        ]
    return [] if begun == now else [f"{path} was {begun!r}, now {now!r}"]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
