"""Finding out whether a store is sound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice

from polymodal_core.errors import StoreError

from polymodal_datasets.layout import ROW_COLUMNS, content_keys
from polymodal_datasets.scan import STEP, Damage
from polymodal_datasets.store import Store


def num_keys(store: Store) -> int:
    """Number of values that `verify` reads."""
    items = sum(column.count for column in store.columns.values())
    return 2 * items + len(store.columns) + 2 * len(ROW_COLUMNS)


def verify(store: Store, *, progress: Callable[[int], None] | None = None) -> list[Damage]:
    """Read every value of a store and list what is damaged; empty if it is sound.

    Checks every checksum, that no item, id or column is missing or left over, that the row table
    points at items that exist, and the fingerprint. `progress` is told the number of values read.
    Another process reads, so that no damage can end this one.
    """
    found: list[Damage] = []
    position = 0
    said = ""
    with _reader(store) as process:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                record = json.loads(line)
            except ValueError:
                said += line
                continue
            if "position" in record:
                position = record["position"]
                if progress is not None:
                    progress(position)
            else:
                found.append(Damage(**record))
    if process.returncode < 0:
        found.append(_fatal(store, position, -process.returncode))
    elif process.returncode != 0:
        raise StoreError(said.strip() or f"{store.path}: could not be read")
    return found


def _reader(store: Store) -> subprocess.Popen[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", "polymodal_datasets.scan", str(store.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def _fatal(store: Store, position: int, number: int) -> Damage:
    counts = {name: column.count for name, column in store.columns.items()}
    around = [key.decode() for key in _keys(counts, position)]
    where = f"between {around[0]} and {around[-1]}" if around else "at the end"
    return Damage(
        f"LMDB's tree is damaged {where}: reading there ends the process with "
        f"{signal.Signals(number).name}",
        key="data.mdb",
    )


def _keys(counts: dict[str, int], position: int) -> Iterator[bytes]:
    keys = (key for _, _, key in content_keys(counts))
    return islice(keys, position, position + STEP)
