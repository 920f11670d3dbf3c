"""Rows of Flickr8k: one per caption, five of them pointing at one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.cells import BadCell, text_of
from polymodal_datasets.importers.flickr8k_speech import CaptionSpeech

_PICTURES = ("Flicker8k_Dataset", "Flickr8k_Dataset")
_CAPTIONS = "Flickr8k.token.txt"
_LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}


@dataclass(frozen=True)
class _Caption:
    origin: str
    id: str
    picture: str
    text: str


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
        self._captions = _text_file(root, _CAPTIONS)
        if self._captions is None:
            raise PolymodalError(f"{root} has no captions: Flickr8k_text/{_CAPTIONS} is expected")
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
        # In the end, `counts` says what is in no row.
        files = {path.name for path in self._folder.iterdir()}
        seen: set[str] = set()
        unlisted: set[str] = set()
        fileless: set[str] = set()
        captioned: set[str] = set()
        for caption in self._read():
            if isinstance(caption, BadRow):
                yield caption
                continue
            split = self._split_of.get(caption.picture)
            if split is None:
                unlisted.add(caption.picture)
                continue
            captioned.add(caption.picture)
            if caption.picture not in files:
                if caption.picture not in fileless:
                    message = f"no picture {self._folder / caption.picture}; none of its captions"
                    yield BadRow(caption.origin, f"{message} is read")
                fileless.add(caption.picture)
            elif caption.id in seen:
                yield BadRow(caption.origin, f"the caption '{caption.id}' is there already")
            else:
                seen.add(caption.id)
                path = f"{self._folder.name}/{caption.picture}"
                items = {"image": Item(path, path), "text": Item(caption.id, caption.text)}
                yield Row(items, caption.picture, None, split, caption.origin)
        found = {
            "pictures with captions, in no split list": len(unlisted),
            "pictures in a split list, without captions": len(self._split_of.keys() - captioned),
        }
        counts.update({what: count for what, count in found.items() if count})

    def _read(self) -> Iterator[_Caption | BadRow]:
        path = self._captions
        if path is None:
            return
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield _parse(line, f"{path.name}:{number}")


def _parse(line: str, origin: str) -> _Caption | BadRow:
    name, tab, rest = line.partition("\t")
    picture, mark, number = name.strip().rpartition("#")
    if not (tab and mark and picture and number.isdecimal()):
        given = line.strip()[:60]
        return BadRow(origin, f"'name.jpg#0', a tab and a caption are expected; given '{given}'")
    try:
        text = text_of(rest)
    except BadCell as error:
        return BadRow(origin, error.message)
    if text is None:
        return BadRow(origin, "the caption is empty")
    return _Caption(origin, name.strip(), picture, text)


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
