"""The life of a run folder: made whole at once, or opened again to be continued."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.run import RunFolder

from polymodal_trainer.lock import NAME, RunLock, check_unlocked


def check_free(path: Path) -> None:
    """Raise RunError where `path` holds anything: no run folder is ever overwritten."""
    if not path.exists():
        return
    if not path.is_dir():
        raise RunError(f"{path} is a file; choose another --out")
    check_unlocked(path)
    if (path / "recipe.toml").is_file():
        raise RunError(
            f"{path} holds a run already, and no run is overwritten; continue it with "
            f"`polymodal-train run {path} --resume`, or choose another --out"
        )
    if any(path.iterdir()):
        raise RunError(f"{path} exists and is not empty; choose another --out")


@contextmanager
def new_run(path: Path) -> Iterator[tuple[RunFolder, RunLock]]:
    """Give a hidden folder that becomes `path` when the block ends, or vanishes, and its lock.

    The lock outlasts the block and is the caller's to release. Raises RunError where another
    trainer was faster or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        hidden = Path(tempfile.mkdtemp(prefix=f".{path.name}.start-", dir=path.parent))
    except OSError as error:
        raise RunError(
            f"{path}: no run folder can be made there: {error}; choose another --out"
        ) from error
    lock = RunLock(hidden)
    try:
        os.chmod(hidden, 0o777 & ~_umask())
        yield RunFolder(hidden), lock
        check_free(path)
        hidden.rename(path)
    except BaseException as error:
        lock.release()
        shutil.rmtree(hidden, ignore_errors=True)
        if isinstance(error, OSError | CheckpointError):
            told = str(error).replace(str(hidden), str(path))
            raise RunError(
                f"{path}: could not write the run folder: {told}; nothing is left of it: make "
                f"room, then give the same command again"
            ) from error
        raise


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON, replacing `path` in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(fresh, path)


def write_text(path: Path, content: str) -> None:
    """Write text, replacing `path` in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(content, encoding="utf-8")
    os.replace(fresh, path)


def _sweep(path: Path) -> None:
    # What a kill left between the first file and the rename; one that is locked is alive.
    for leftover in path.parent.glob(f".{path.name}.start-*"):
        if not (leftover / NAME).is_file():
            continue  # made this instant by a trainer that is about to lock it
        try:
            check_unlocked(leftover)
        except RunError:
            continue
        shutil.rmtree(leftover, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
