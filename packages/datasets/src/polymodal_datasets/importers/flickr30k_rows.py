"""Rows of Flickr30k: one per caption, five of them pointing at one picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Row

from polymodal_datasets.importers.captions import (
    Caption,
    Place,
    caption_of,
    caption_rows,
    read_tokens,
)
from polymodal_datasets.importers.flickr30k import Flickr30kConfig
from polymodal_datasets.importers.karpathy import KarpathyPicture, find_karpathy, read_karpathy
from polymodal_datasets.importers.picture_folders import PictureFolders

_PICTURES = (
    "flickr30k-images",
    "flickr30k_images/flickr30k_images",
    "flickr30k_images",
    "images",
)
_TOKENS, _TABLE, _SPLITS = "results_20130124.token", "results.csv", "dataset_flickr30k.json"


class Flickr30kImporter:
    """Reads the rows of Flickr30k; after `rows`, `notes` counts what is in no row."""

    def __init__(self, config: Flickr30kConfig) -> None:
        """Find the files; raises PolymodalError with what is missing."""
        root = config.root
        self.root: str | None = str(root)
        self.notes: Mapping[str, int] = {}
        self._files = PictureFolders(root, below=("",))
        found = [folder for folder in _PICTURES if self._files.has(folder)]
        if not found:
            raise PolymodalError(f"{root} has no folder {_PICTURES[0]} with Flickr30k's pictures")
        self._folder = found[0]
        self._split_of: dict[str, str] | None = None
        self._bad: list[BadRow] = []
        listed: list[Caption | BadRow] = []
        folders = [root, root / self._folder, (root / self._folder).parent]
        self._table = _first(folders, _TOKENS) or _first(folders, _TABLE)
        if config.split == "karpathy" or self._table is None:
            pictures = read_karpathy(_splits_of(root, needed_for_captions=self._table is None))
            split_of, listed, self._bad = _taken(pictures)
            self._split_of = split_of if config.split == "karpathy" else None
        self._listed = listed

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"image": Column("image"), "text": Column("text")}

    @cached_property
    def total(self) -> int:
        """Number of rows, bad ones included, by going through the captions once."""
        return sum(1 for _ in self._rows({}))

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per caption, in the order of their file."""
        counts: dict[str, int] = {}
        yield from self._rows(counts)
        self.notes = counts

    def _rows(self, counts: dict[str, int]) -> Iterator[Row | BadRow]:
        yield from self._bad
        asked: set[str] = set()

        def place_of(picture: str) -> Place:
            asked.add(picture)
            split = "train" if self._split_of is None else self._split_of.get(picture)
            path = self._files.find(self._folder, picture)
            wanted = f"{self._folder}/{picture}"
            left_out = f"pictures with captions, not in {_SPLITS}"
            return Place(path, split, wanted=wanted, left_out=left_out)

        yield from caption_rows(self._captions(), place_of, counts)
        without = len((self._split_of or {}).keys() - asked)
        if without:
            counts[f"pictures in {_SPLITS}, without captions"] = without

    def _captions(self) -> Iterable[Caption | BadRow]:
        if self._table is None:
            return self._listed
        return read_tokens(self._table) if self._table.name == _TOKENS else _read_bars(self._table)


def _taken(
    pictures: Iterable[KarpathyPicture | BadRow],
) -> tuple[dict[str, str], list[Caption | BadRow], list[BadRow]]:
    split_of: dict[str, str] = {}
    captions: list[Caption | BadRow] = []
    bad = []
    for picture in pictures:
        if isinstance(picture, BadRow):
            bad.append(picture)
        elif picture.file in split_of:
            bad.append(BadRow(picture.origin, f"the picture {picture.file} is there already"))
        else:
            split_of[picture.file] = picture.split
            captions += picture.captions
    return split_of, captions, bad


def _read_bars(path: Path) -> Iterator[Caption | BadRow]:
    # No CSV: the captions hold quotation marks and commas that mean nothing.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        for number, line in enumerate(stream, start=1):
            origin = f"{path.name}:{number}"
            cells = [cell.strip() for cell in line.split("|", 2)]
            if not line.strip() or (number == 1 and cells[0] == "image_name"):
                continue
            if len(cells) != 3 or not cells[0] or not cells[1].isdecimal():
                message = "'name.jpg| 0| caption' is expected; given"
                yield BadRow(origin, f"{message} '{line.strip()[:60]}'")
            else:
                yield caption_of(origin, f"{cells[0]}#{cells[1]}", cells[0], cells[2])


def _first(folders: Iterable[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _splits_of(root: Path, *, needed_for_captions: bool) -> Path:
    try:
        return find_karpathy(root, _SPLITS)
    except PolymodalError as error:
        if needed_for_captions:
            raise PolymodalError(
                f"{root} has no captions: {_TOKENS}, {_TABLE} or {_SPLITS} is expected"
            ) from None
        raise PolymodalError(f"{error}; split=none makes all of it the split 'train'") from None
