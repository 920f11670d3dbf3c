"""Rows of Conceptual Captions, those left out that are not worth training on."""

from __future__ import annotations

import io
import json
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.caption_filter import CaptionFilter
from polymodal_datasets.importers.captions import Caption, caption_of
from polymodal_datasets.importers.cc3m import CC3MConfig
from polymodal_datasets.importers.webdataset import Sample, read_samples

PICTURES = ("jpg", "jpeg", "png", "webp")
FOLDERS = {"train": "training", "validation": "validation"}
CAPTIONS = ("caption", "title")
PLACES = ("filepath", "image", "url", "path", "file")
SMALL = "pictures that are too small"


@dataclass(frozen=True)
class _Found:
    caption: Caption
    picture: bytes | str
    split: str


class CC3MImporter:
    """Reads shards or tables in the order of their names, each to its end.

    After `rows`, `notes` counts what is left out, by the reason.
    """

    def __init__(self, config: CC3MConfig) -> None:
        """List the files; raises PolymodalError where there are none, or both sorts."""
        self.root: str | None = str(config.root)
        self.notes: Mapping[str, int] = {}
        self._folder = config.root
        self._min_side = config.min_side
        self._captions = CaptionFilter(config.min_words, config.max_symbols, config.addresses)
        if not config.root.is_dir():
            raise PolymodalError(f"no such folder: {config.root}; give that of shards or tables")
        self._shards = sorted(config.root.rglob("*.tar"))
        self._tables = sorted(config.root.glob("*.tsv"))
        if not self._shards and not self._tables:
            raise PolymodalError(
                f"{config.root} has no shards (*.tar) and no tables (*.tsv) of captions"
            )
        if self._shards and self._tables:
            raise PolymodalError(
                f"{config.root} has {len(self._shards)} shards and {len(self._tables)} tables, "
                f"which would give pictures twice; give a root with one sort of them"
            )

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"image": Column("image"), "text": Column("text")}

    @property
    def total(self) -> int | None:
        """Unknown, since shards are read once."""
        return None

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per picture that is kept."""
        counts: Counter[str] = Counter()
        for found in self._found():
            if isinstance(found, BadRow):
                yield found
                continue
            caption = found.caption
            fault = self._captions.fault(caption.text)
            if fault is None:
                try:
                    sides = _sides(found.picture, self._folder)
                except (OSError, ValueError, SyntaxError) as error:
                    yield BadRow(caption.origin, f"its picture is broken: {error}"[:200])
                    continue
                fault = SMALL if min(sides) < self._min_side else None
            if fault is not None:
                counts[fault] += 1
                continue
            items = {
                "image": Item(caption.picture, found.picture),
                "text": Item(caption.id, caption.text),
            }
            yield Row(items, caption.picture, None, found.split, caption.origin)
        self.notes = dict(sorted(counts.items()))

    def _found(self) -> Iterator[_Found | BadRow]:
        for shard in self._shards:
            split = _split(shard, self._folder)
            name = shard.relative_to(self._folder).with_suffix("").as_posix()
            for sample in read_samples(shard):
                yield sample if isinstance(sample, BadRow) else _of_sample(sample, name, split)
        for table in self._tables:
            yield from self._of_table(table, _split(table, self._folder))

    def _of_table(self, table: Path, split: str) -> Iterator[_Found | BadRow]:
        caption, place = 0, 1
        with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as lines:
            for number, line in enumerate(lines):
                cells = line.rstrip("\r\n").split("\t")
                if number == 0 and (named := _header(cells)) is not None:
                    caption, place = named
                    continue
                if not line.strip():
                    continue
                origin = f"{table.name}:{number + 1}"
                if len(cells) <= max(caption, place):
                    yield BadRow(origin, "a caption, a tab, and an address or path are expected")
                    continue
                picture = self._picture(cells[place].strip(), number, split)
                if picture is None:
                    yield BadRow(origin, f"no picture of {cells[place].strip()[:120]}")
                    continue
                found = caption_of(origin, f"{table.name}#{number}", picture, cells[caption])
                yield found if isinstance(found, BadRow) else _Found(found, picture, split)

    def _picture(self, place: str, number: int, split: str) -> str | None:
        # As the tools name pictures that are customary for the published tables.
        names = [place]
        if "://" in place:
            crc = zlib.crc32(place.encode(errors="surrogateescape"))
            stems = (f"{FOLDERS[split]}/{number}_{crc}", f"{FOLDERS[split]}/{crc}")
            names = [f"{stem}{ending}" for stem in stems for ending in ("", ".jpg")]
        return next((name for name in names if name and (self._folder / name).is_file()), None)


def _of_sample(sample: Sample, shard: str, split: str) -> _Found | BadRow:
    name = f"{shard}/{sample.key}"
    picture = next((sample.files[end] for end in PICTURES if end in sample.files), None)
    if picture is None:
        return BadRow(name, f"has no picture; it has {', '.join(sample.files) or 'nothing'}")
    text: object = None
    try:
        if "txt" in sample.files:
            text = sample.files["txt"].decode()
        elif "json" in sample.files:
            read = json.loads(sample.files["json"])
            text = read.get("caption") if isinstance(read, dict) else None
    except ValueError as error:  # of Unicode too
        return BadRow(name, f"its caption cannot be read: {error}")
    if text is None:
        return BadRow(name, "has no caption: neither .txt nor .json with 'caption'")
    found = caption_of(name, name, name, text)
    return found if isinstance(found, BadRow) else _Found(found, picture, split)


def _split(path: Path, root: Path) -> str:
    return "validation" if "val" in path.relative_to(root).as_posix().lower() else "train"


def _header(cells: list[str]) -> tuple[int, int] | None:
    names = [cell.strip().lower() for cell in cells]
    caption = next((names.index(name) for name in CAPTIONS if name in names), None)
    place = next((names.index(name) for name in PLACES if name in names), None)
    return None if caption is None or place is None else (caption, place)


def _sides(picture: bytes | str, folder: Path) -> tuple[int, int]:
    from PIL import Image

    # The header alone: whether a picture is whole is found out where it is packed, in threads.
    source = io.BytesIO(picture) if isinstance(picture, bytes) else folder / picture
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(source) as opened:
                return opened.size
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(str(error)) from None
