"""The folder that a pack works in, `<store>.partial`, and the lock that keeps others out of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from polymodal_core.errors import StoreError

from polymodal_datasets.layout import BAD_ROWS, DATA, DESCRIPTION

PLAN = "pack.json"
LOCK = "lock"
OWN_FILES = {PLAN, LOCK, DATA, DESCRIPTION, BAD_ROWS, f"{PLAN}.new", f"{DESCRIPTION}.new"}


def partial_path(out: Path) -> Path:
    """Folder that a pack into `out` works in."""
    out = Path(os.path.abspath(out))  # "." has no name of its own
    return out.parent / f"{out.name}.partial"


def check_free(out: Path) -> None:
    """Raise StoreError where `out` holds something already."""
    if (out / DESCRIPTION).exists():
        raise StoreError(f"{out} holds a store already; pack to another folder, or delete it first")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError(f"{out} exists and is no store; pack to another folder")
    if out.exists() and out.samefile(Path.cwd()):
        # The finished folder takes the place of an empty one; a shell would stand in the old one.
        raise StoreError("a store cannot be made in the current folder; name a folder below it")


@contextmanager
def locked(out: Path) -> Iterator[Path]:
    """Make the working folder of a pack into `out` and hold its lock.

    Raises StoreError where another pack holds it, `out` is taken, or nothing can be made there.
    """
    check_free(out)
    partial = partial_path(out)
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{partial}, where this pack would work, cannot be made: {error}; choose another --out"
        ) from error
    foreign = sorted({item.name for item in partial.iterdir()} - OWN_FILES)
    if foreign:
        raise StoreError(
            f"{partial} is where this pack would work, and it holds other files "
            f"({', '.join(foreign[:3])}); move them away"
        )
    with (partial / LOCK).open("a") as lock:
        _acquire(lock, partial)
        check_free(out)
        yield partial


def _acquire(lock: IO[str], partial: Path) -> None:
    busy = StoreError(f"another process is packing into {partial}; wait for it, or stop it first")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None
    # The other pack may have finished, and renamed the folder, since the lock file was opened.
    try:
        same = os.path.samestat(os.fstat(lock.fileno()), (partial / LOCK).stat())
    except FileNotFoundError:
        same = False
    if not same:
        raise busy
