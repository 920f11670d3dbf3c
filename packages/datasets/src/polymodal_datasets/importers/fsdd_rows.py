"""Rows of the Free Spoken Digit Dataset, and its recordings by split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import PolymodalError, UnknownNameError, suggest
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.recordings import is_recording

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>.+)_(?P<index>\d+)$")


@dataclass(frozen=True, order=True)
class SpokenDigit:
    """A recording: `name` relative to its folder, who says which digit, and in which split."""

    digit: int
    speaker: str
    index: int
    name: str
    split: str = "train"


class FSDDImporter:
    """Reads the rows of the data set, digit by digit."""

    def __init__(self, root: Path, *, unseen: Collection[str], test: int, validation: int) -> None:
        """List the recordings; raises PolymodalError as `spoken_digits` does."""
        folder = recordings_folder(root)
        self.root: str | None = str(folder)
        self._digits, self._bad = spoken_digits(
            folder, unseen=unseen, test=test, validation=validation
        )

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"speech": Column("speech"), "word": Column("text", of_classes=True)}

    @property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return len(self._digits) + len(self._bad)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per recording."""
        yield from self._bad
        for spoken in self._digits:
            word = DIGITS[spoken.digit]
            items = {"speech": Item(spoken.name, spoken.name), "word": Item(word, word)}
            yield Row(items, spoken.name, word, spoken.split, spoken.name)


def recordings_folder(root: Path) -> Path:
    """Give the folder of the recordings: `root/recordings`, or `root` itself."""
    inner = root / "recordings"
    if inner.is_dir():
        return inner
    if root.is_dir():
        return root
    raise PolymodalError(f"no such folder: {root}; the one that holds recordings/ is expected")


def spoken_digits(
    folder: Path, *, unseen: Collection[str], test: int, validation: int
) -> tuple[list[SpokenDigit], list[BadRow]]:
    """Give the recordings of a folder with their splits, and those whose names say nothing.

    Raises PolymodalError where there is none, or none to train on, or no such unseen speaker.
    """
    bad: list[BadRow] = []
    groups: dict[tuple[int, str], list[SpokenDigit]] = defaultdict(list)
    for path in sorted(path for path in folder.iterdir() if is_recording(path)):
        found = _NAME.match(path.stem)
        if found is None:
            bad.append(BadRow(path.name, "a name such as '7_jackson_0.wav' is expected"))
            continue
        digit, speaker, index = int(found["digit"]), found["speaker"], int(found["index"])
        groups[digit, speaker].append(SpokenDigit(digit, speaker, index, path.name))
    speakers = {speaker for _, speaker in groups}
    for speaker in unseen:
        if speaker not in speakers:
            raise UnknownNameError(
                f"{folder} has no speaker '{speaker}'{suggest(speaker, speakers)}"
            )
    digits = []
    for (_, speaker), members in sorted(groups.items()):
        for place, spoken in enumerate(sorted(members)):
            split = "unseen" if speaker in unseen else _split(place, test, validation)
            digits.append(SpokenDigit(spoken.digit, speaker, spoken.index, spoken.name, split))
    if not any(spoken.split == "train" for spoken in digits):
        raise PolymodalError(
            f"{folder}: of {len(digits)} recordings none is left to train on; name fewer unseen "
            f"speakers, or set smaller numbers for test and validation"
        )
    return digits, bad


def _split(place: int, test: int, validation: int) -> str:
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"
