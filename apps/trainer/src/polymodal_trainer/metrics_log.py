"""`metrics.jsonl` and TensorBoard events: one line per logged step, epoch and validation."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from polymodal_core.run import RunFolder

Record = Mapping[str, Any]


class MetricsLog:
    """Appends records to a run's `metrics.jsonl` and mirrors their numbers to TensorBoard.

    `size` cuts the file to what it was at a checkpoint, so that the steps repeated after it are
    not listed twice; `step` hides TensorBoard's events after that step.
    """

    def __init__(self, run: RunFolder, *, size: int | None = None, step: int | None = None) -> None:
        """Open both logs."""
        from torch.utils.tensorboard import SummaryWriter

        if size is not None:
            _cut(run.metrics, size)
        self._file = run.metrics.open("a", encoding="utf-8")
        self._events = SummaryWriter(
            str(run.tensorboard), purge_step=None if step is None else step + 1
        )

    def write(self, record: Record) -> None:
        """Append a record with an `event` and a `step`; numbers that are not finite become null."""
        self._file.write(json.dumps(_finite(record)) + "\n")
        self._file.flush()
        for name, value in _scalars(record):
            self._events.add_scalar(name, value, record["step"])

    def size(self) -> int:
        """Bring everything to disk and give the size of `metrics.jsonl` in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close both logs; what a full disk has kept back is lost, as was said when it failed."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._events.close()


def _cut(path: Path, size: int) -> None:
    if path.is_file() and path.stat().st_size > size:
        os.truncate(path, size)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _scalars(record: Record) -> Iterator[tuple[str, float]]:
    # "training/loss", "validation/mean": TensorBoard groups its charts by what stands before "/".
    section = "training" if record["event"] == "step" else str(record["event"])
    for key, value in record.items():
        if key in ("event", "step"):
            continue
        entries = value.items() if isinstance(value, Mapping) else [("", value)]
        for name, number in entries:
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield f"{section}/{key}{f'/{name}' if name else ''}", float(number)
