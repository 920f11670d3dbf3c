"""One trainer per run folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from polymodal_core.errors import RunError

NAME = "lock"


class RunLock:
    """An exclusive lock on a run folder, held until `release` or the end of the process.

    A POSIX record lock, not flock(2): forked loader processes do not inherit it, so that one of
    them outliving a killed trainer by seconds cannot keep the run from being resumed.
    """

    def __init__(self, folder: Path) -> None:
        """Lock `folder`; raises RunError that names the process holding it."""
        self._file = (folder / NAME).open("a+", encoding="utf-8")
        _lock(self._file, fcntl.LOCK_EX, folder)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let others in."""
        self._file.close()


def check_unlocked(folder: Path) -> None:
    """Raise RunError that names the process where another trainer holds `folder`."""
    if (folder / NAME).is_file():
        with (folder / NAME).open(encoding="utf-8") as file:
            _lock(file, fcntl.LOCK_SH, folder)


def _lock(file: IO[str], mode: int, folder: Path) -> None:
    try:
        fcntl.lockf(file, mode | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX allows either for a lock that is held
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise RunError(
            f"{folder}: another polymodal-train (process {holder}) is training in this run "
            f"folder; wait for it, stop it with `kill {holder}`, or choose another --out"
        ) from None
