"""An importer for UCI HAR: inertial windows of people, each with the name of an activity."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from polymodal_core import BadRow, Column, ImporterConfig, Item, PolymodalError, Row, hookimpl

SIGNALS = [f"{sensor}_{axis}" for sensor in ("total_acc", "body_gyro") for axis in "xyz"]


class UCIHARConfig(ImporterConfig):
    """Windows below `root`; `test` are the subjects held out, by default every third."""

    kind: Literal["uci_har"] = "uci_har"
    root: Path
    test: tuple[int, ...] | None = None

    def build(self) -> UCIHARImporter:
        """Read the small files; raises PolymodalError for a missing or malformed one."""
        return UCIHARImporter(self.root, self.test)


class UCIHARImporter:
    """Rows of one window and the words of its activity, which stand for a class."""

    root: str | None = None

    def __init__(self, folder: Path, test: tuple[int, ...] | None) -> None:
        """Read labels and subjects."""
        self.folder = folder
        self.labels = _numbers(folder / "y.csv")[:, 0].astype(int)
        self.subjects = _numbers(folder / "subject.csv")[:, 0].astype(int)
        self.names = _names(folder / "activity_labels.txt")
        self.test = tuple(sorted(set(self.subjects.tolist()))[2::3]) if test is None else test
        if len(self.labels) != len(self.subjects):
            counts = f"{len(self.labels)} labels, {len(self.subjects)} subjects"
            raise PolymodalError(f"{folder}: {counts}; wanted one of each per window")

    @property
    def columns(self) -> dict[str, Column]:
        """The window, and the activity's words."""
        return {"inertial": Column("inertial"), "text": Column("text", of_classes=True)}

    @property
    def total(self) -> int:
        """Number of windows."""
        return len(self.labels)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield one row per window."""
        signals = [
            _numbers(self.folder / "Inertial Signals" / f"{name}.csv.gz") for name in SIGNALS
        ]
        for name, signal in zip(SIGNALS, signals, strict=True):
            if len(signal) != self.total:
                raise PolymodalError(
                    f"{name}: {len(signal)} windows; y.csv has {self.total} labels"
                )
        for number, windows in enumerate(zip(*signals, strict=True)):
            origin, key = f"y.csv:{number + 1}", f"window-{number:05}"
            activity = self.names.get(int(self.labels[number]))
            if activity is None:
                yield BadRow(origin, f"label {self.labels[number]} is not in activity_labels.txt")
                continue
            items = {
                "inertial": Item(key, np.stack(windows, axis=1)),
                "text": Item(activity, activity),
            }
            split = "test" if int(self.subjects[number]) in self.test else "train"
            yield Row(items, instance=key, label=activity, split=split, origin=origin)


def _numbers(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    # A list of lines is ten times as fast as np.loadtxt.
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            return np.array([line.split(",") for line in file], dtype=np.float64)
    except (OSError, EOFError, ValueError) as error:
        raise PolymodalError(f"{path}: cannot be read as numbers: {error}") from None


def _names(path: Path) -> dict[int, str]:
    try:
        lines = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines()]
        return {int(key): name.strip().lower().replace("_", " ") for key, name in lines}
    except (OSError, ValueError) as error:
        raise PolymodalError(f"{path}: wanted lines such as '1 WALKING': {error}") from None


@hookimpl
def register_importers() -> Sequence[type[ImporterConfig]]:
    """Add the layout."""
    return [UCIHARConfig]
