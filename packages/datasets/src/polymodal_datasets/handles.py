"""Read-only LMDB environments, opened lazily and shared inside a process.

LMDB refuses to open a file twice in one process, and an environment must not be used by a forked
child: so there is one handle per process and file, kept for as long as a store uses it.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from polymodal_core.errors import StoreError

from polymodal_datasets.layout import DATA

if TYPE_CHECKING:
    import lmdb


CLOSING_S = 2.0
"""For so many seconds an environment may be found open that nobody in this process holds."""


class Handle:
    """One open environment, and the process that opened it."""

    def __init__(self, folder: Path) -> None:
        """Open the environment in `folder` for reading."""
        import lmdb

        # No lock: a store never changes. No read-ahead: rows are read in random order.
        self.environment: lmdb.Environment = lmdb.open(
            str(folder), readonly=True, lock=False, readahead=False, max_spare_txns=4
        )
        self.pid = os.getpid()

    @property
    def usable(self) -> bool:
        """False in a process that was forked from the one that opened the environment."""
        return self.pid == os.getpid()


_open: WeakValueDictionary[tuple[int, int], Handle] = WeakValueDictionary()
_lock = threading.Lock()


def read_handle(folder: Path, *, size: int) -> Handle:
    """Give this process's handle of the environment in `folder`, opened on first use.

    `size` is what `data.mdb` must measure: a shorter file would end the process with SIGBUS.
    Raises StoreError where it does not, or where LMDB cannot open it.
    """
    import lmdb

    check_size(folder, size)
    status = (folder / DATA).stat()
    key = (status.st_dev, status.st_ino)
    with _lock:
        handle = _open.get(key)
        if handle is None:
            try:
                handle = _open[key] = _opened(folder)
            except lmdb.Error as error:
                raise StoreError(f"{folder / DATA} cannot be opened: {error}") from None
        return handle


def _opened(folder: Path) -> Handle:
    import lmdb

    # Where another thread drops the last store this instant, its handle is gone from `_open` before
    # LMDB has closed the file.
    deadline = time.monotonic() + CLOSING_S
    while True:
        try:
            return Handle(folder)
        except lmdb.Error as error:
            if "already open" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def check_size(folder: Path, size: int) -> None:
    """Raise StoreError where `data.mdb` is missing or not `size` bytes long."""
    data = folder / DATA
    try:
        found = data.stat().st_size
    except FileNotFoundError:
        raise StoreError(
            f"{folder}: {DATA} is missing; copy the whole folder again, or delete it and pack again"
        ) from None
    if found != size:
        raise StoreError(
            f"{folder}: {DATA} has {found} bytes where {size} were packed (an incomplete copy?); "
            f"copy the whole folder again, or delete it and pack again"
        )


def _drop_inherited() -> None:
    # The child of a fork may open the file itself only after it has closed what it inherited; and
    # another thread of the parent may have held the lock.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for handle in list(_open.values()):
        handle.environment.close()
    _open.clear()


os.register_at_fork(after_in_child=_drop_inherited)
