"""Rows of Flickr8k: one per caption, five of them pointing at one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Row

from polymodal_datasets.importers.captions import Place, caption_rows, read_tokens
from polymodal_datasets.importers.flickr8k_speech import CaptionSpeech

_PICTURES = ("Flicker8k_Dataset", "Flickr8k_Dataset")
_CAPTIONS = "Flickr8k.token.txt"
_LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}


class Flickr8kImporter:
    """Reads the rows of Flickr8k; after `rows`, `notes` counts what is in no row."""

    def __init__(self, root: Path, *, speech: CaptionSpeech | None = None) -> None:
        """Find the files; raises PolymodalError with what is missing.

        `speech` adds recordings of the captions to their rows.
        """
        self.root: str | None = str(root)
        self.notes: Mapping[str, int] = {}
        self._speech = speech
        self._folder = _pictures_folder(root)
        captions = _text_file(root, _CAPTIONS)
        if captions is None:
            raise PolymodalError(f"{root} has no captions: Flickr8k_text/{_CAPTIONS} is expected")
        self._captions = captions
        self._split_of = _read_lists(root)

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        written = {"image": Column("image"), "text": Column("text")}
        return written if self._speech is None else {**written, "speech": Column("speech")}

    @cached_property
    def total(self) -> int:
        """Number of rows, bad ones included, by going through the captions once."""
        return sum(1 for _ in self._written({}))

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per caption, in the order of the captions' file."""
        counts: dict[str, int] = {}
        rows = self._written(counts)
        yield from rows if self._speech is None else self._speech.join(rows)
        self.notes = {**counts, **({} if self._speech is None else self._speech.notes)}

    def _written(self, counts: dict[str, int]) -> Iterator[Row | BadRow]:
        files = {path.name for path in self._folder.iterdir()}
        asked: set[str] = set()

        def place_of(picture: str) -> Place:
            asked.add(picture)
            path = f"{self._folder.name}/{picture}" if picture in files else None
            wanted = str(self._folder / picture)
            return Place(path, self._split_of.get(picture), wanted=wanted)

        yield from caption_rows(read_tokens(self._captions), place_of, counts)
        without = len(self._split_of.keys() - asked)
        if without:
            counts["pictures in a split list, without captions"] = without


def _pictures_folder(root: Path) -> Path:
    for name in _PICTURES:
        if (root / name).is_dir():
            return root / name
    raise PolymodalError(f"{root} has no folder {_PICTURES[0]} with Flickr8k's pictures")


def _text_file(root: Path, name: str) -> Path | None:
    found = [folder / name for folder in (root / "Flickr8k_text", root)]
    return next((path for path in found if path.is_file()), None)


def _read_lists(root: Path) -> dict[str, str]:
    split_of: dict[str, str] = {}
    found = {split: _text_file(root, name) for split, name in _LISTS.items()}
    for split, path in found.items():
        if path is None:
            continue
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            picture = line.strip()
            if picture and split_of.setdefault(picture, split) != split:
                # A picture in training and test would make every figure worthless.
                raise PolymodalError(
                    f"{picture} is in the list of '{split_of[picture]}' and in {path}; a picture "
                    f"has one split: take it out of one list"
                )
    if not split_of:
        raise PolymodalError(f"{root} has no split list; any of {', '.join(_LISTS.values())} does")
    return split_of
