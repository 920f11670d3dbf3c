"""Shards in the WebDataset format: tar files in which the files of a sample share a key."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.rows import BadRow

LARGEST_FILE = 1 << 28
"""Bytes that one file of a sample may have; more are damage, or no sample."""


@dataclass(frozen=True)
class Sample:
    """Files of one key by the rest of their names, such as `jpg` and `txt`."""

    key: str
    files: Mapping[str, bytes]


def read_samples(path: Path) -> Iterator[Sample | BadRow]:
    """Read a shard from its beginning to its end, nothing being unpacked.

    A key is a name up to the first dot of its last part; files of one key follow each other. A
    shard that breaks off gives what is whole, and a bad row.
    """
    key: str | None = None
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|*") as shard:
            for member in shard:
                if not member.isfile():
                    continue
                folder, _, name = member.name.rpartition("/")
                stem, _, ending = name.partition(".")
                found = f"{folder}/{stem}" if folder else stem
                if key is not None and found != key:
                    yield Sample(key, files)
                    files = {}
                key = found
                if member.size > LARGEST_FILE:
                    yield BadRow(f"{path.name}: {member.name}", f"has {member.size:,} bytes")
                    continue
                opened = shard.extractfile(member)
                files[ending.lower()] = b"" if opened is None else opened.read()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        where = f" after '{key}'" if key is not None else ""
        yield BadRow(path.name, f"breaks off{where}: {error}")
        return
    if key is not None:
        yield Sample(key, files)
