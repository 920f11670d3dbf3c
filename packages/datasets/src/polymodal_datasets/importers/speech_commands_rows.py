"""Rows of Speech Commands: one per recording."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from polymodal_core.errors import PolymodalError, UnknownNameError, suggest
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.recordings import is_recording, share_of_names
from polymodal_datasets.importers.speech_commands import SpeechCommandsConfig

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
HASHED = 2**27 - 1
"""The largest value of the hash by which the official lists were made."""
_NAME = re.compile(r"(?P<speaker>.+)_nohash_\d+$")


class SpeechCommandsImporter:
    """Reads the rows of Speech Commands, word by word in alphabetical order."""

    def __init__(self, config: SpeechCommandsConfig) -> None:
        """List the recordings; raises PolymodalError where none, or none to train on, is there."""
        if not config.root.is_dir():
            raise PolymodalError(
                f"no such folder: {config.root}; one with a folder per word is expected"
            )
        self.root: str | None = str(config.root)
        self._files = _recordings(config)
        self._split_of = _splits(config, [name for name in self._files if _speaker(name)])

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"speech": Column("speech"), "word": Column("text", of_classes=True)}

    @property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return len(self._files)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per recording."""
        for name in self._files:
            if not _speaker(name):
                message = "a name such as '0a7c2a8d_nohash_0.wav' is expected: speaker and number"
                yield BadRow(name, message)
                continue
            word = name.partition("/")[0]
            items = {"speech": Item(name, name), "word": Item(word, word)}
            yield Row(items, name, word, self._split_of(name), name)


def _recordings(config: SpeechCommandsConfig) -> list[str]:
    folders = {
        path.name: path
        for path in sorted(config.root.iterdir())
        if path.is_dir() and not path.name.startswith(("_", "."))
    }
    words = folders if config.words is None else config.words
    for word in words:
        if word not in folders:
            raise UnknownNameError(
                f"{config.root} has no folder for the word '{word}'{suggest(word, folders)}"
            )
    found = [
        f"{word}/{path.name}"
        for word in words
        for path in sorted(folders[word].iterdir())
        if is_recording(path)
    ]
    if not found:
        raise PolymodalError(f"{config.root} has no folder of recordings named by a word")
    return found


def _speaker(name: str) -> str | None:
    found = _NAME.match(Path(name).stem)
    return None if found is None else found["speaker"]


def _splits(config: SpeechCommandsConfig, names: list[str]) -> Callable[[str], str]:
    if config.split == "speakers":
        speakers = {str(_speaker(name)) for name in names}
        shares = {"test": config.test, "validation": config.validation}
        of_speaker = share_of_names(speakers, shares, seed=config.seed)
        return lambda name: of_speaker[str(_speaker(name))]
    set_in_vain = sorted({"validation", "test", "seed"} & config.model_fields_set)
    if set_in_vain:
        raise PolymodalError(f"{', '.join(set_in_vain)} belongs to split = 'speakers'")
    official = _official(config.root)
    if not any(official(name) == "train" for name in names):
        raise PolymodalError(
            f"{config.root}: every recording here belongs to the official validation or test "
            f"split; say split = 'speakers' to draw speakers for training"
        )
    return official


def _official(root: Path) -> Callable[[str], str]:
    listed = {
        Path(line.strip()).with_suffix("").as_posix(): split
        for split, file in LISTS.items()
        if (root / file).is_file()
        for line in (root / file).read_text(encoding="utf-8-sig").splitlines()
        if line.strip()
    }
    if listed:
        return lambda name: listed.get(Path(name).with_suffix("").as_posix(), "train")
    return lambda name: _hashed(str(_speaker(name)))


def _hashed(speaker: str) -> str:
    # `which_set` of the data set's README, with its 10 % for validation and 10 % for test.
    value = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (HASHED + 1)
    percentage = value * (100.0 / HASHED)
    if percentage < 10:
        return "validation"
    return "test" if percentage < 20 else "train"
