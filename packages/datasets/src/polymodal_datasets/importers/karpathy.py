"""The split files of Karpathy and Fei-Fei (2015): dataset_coco.json and dataset_flickr30k.json."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow

from polymodal_datasets.importers.captions import Caption, caption_of
from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.json_file import field_of, read_json, records

SPLITS = {"train": "train", "restval": "restval", "val": "validation", "test": "test"}
"""Splits of these files, by the names that the rows get."""


@dataclass(frozen=True)
class KarpathyPicture:
    """A picture: `folder` ("val2014") and `number` (COCO's) where the file says them."""

    origin: str
    folder: str
    file: str
    number: int | None
    split: str
    captions: tuple[Caption | BadRow, ...]

    @property
    def name(self) -> str:
        """The picture's number where it has one, else its file: what captions call it."""
        return self.file if self.number is None else str(self.number)


def find_karpathy(root: Path, name: str) -> Path:
    """Find a split file in `root`, or where archives put it; raises PolymodalError."""
    folders = ("", "annotations", "karpathy", "caption_datasets")
    for folder in folders:
        if (root / folder / name).is_file():
            return root / folder / name
    raise PolymodalError(
        f"{root} has no {name} (Karpathy's splits), nor has any of its folders "
        f"{', '.join(folders[1:])}"
    )


def read_karpathy(path: Path) -> Iterator[KarpathyPicture | BadRow]:
    """Read the pictures with their captions, in the file's order, a bad row for a malformed one."""
    for origin, record in records(path, "images", read_json(path, "images")["images"]):
        try:
            yield _picture(origin, record)
        except BadCell as error:
            yield BadRow(origin, error.message)


def _picture(origin: str, record: object) -> KarpathyPicture:
    file = field_of(record, "filename", str)
    split = field_of(record, "split", str)
    if split not in SPLITS:
        raise BadCell(f"{file} is in split '{split}'; {', '.join(SPLITS)} are known")
    assert isinstance(record, dict)
    number = field_of(record, "cocoid", int) if "cocoid" in record else None
    folder = field_of(record, "filepath", str) if "filepath" in record else ""
    name = file if number is None else str(number)
    captions = [
        _caption(f"{origin}.sentences[{place}]", name, place, sentence, own_ids=number is not None)
        for place, sentence in enumerate(field_of(record, "sentences", list))
    ]
    return KarpathyPicture(origin, folder, file, number, SPLITS[split], tuple(captions))


def _caption(
    origin: str, picture: str, place: int, sentence: object, *, own_ids: bool
) -> Caption | BadRow:
    # COCO's captions have numbers of their own there; Flickr30k's count the file's sentences.
    try:
        text = field_of(sentence, "raw", str)
        number = field_of(sentence, "sentid", int) if own_ids else None
    except BadCell as error:
        return BadRow(origin, error.message)
    return caption_of(origin, f"{picture}#{place if number is None else number}", picture, text)
