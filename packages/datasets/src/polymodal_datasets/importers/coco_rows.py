"""Rows of COCO's captions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Row

from polymodal_datasets.importers.captions import Caption, Place, caption_of, caption_rows
from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.coco import COCOConfig
from polymodal_datasets.importers.coco_labels import largest_objects
from polymodal_datasets.importers.json_file import field_of, read_json, records
from polymodal_datasets.importers.karpathy import KarpathyPicture, find_karpathy, read_karpathy
from polymodal_datasets.importers.picture_folders import PictureFolders

PARTS = {"train": "train", "val": "validation"}
"""The official parts, by the names that the rows get."""
FOLDERS = ("train2014", "val2014", "train2017", "val2017")


class COCOImporter:
    """Reads the rows of COCO; after `rows`, `notes` counts the pictures that are in no row."""

    def __init__(self, config: COCOConfig) -> None:
        """Read the annotations; raises PolymodalError where a part is missing or damaged."""
        self.root: str | None = str(config.root)
        self.notes: Mapping[str, int] = {}
        self._folders = PictureFolders(config.root)
        self._restval = config.restval
        self._captions: list[Caption | BadRow] = []
        self._places: dict[str, Place] = {}
        self._labels: Mapping[str, str] = {}
        if not any(map(self._folders.has, FOLDERS)):
            raise PolymodalError(
                f"{config.root} has no folder of pictures; any of {', '.join(FOLDERS)} does"
            )
        if config.label == "largest":
            self._labels = largest_objects(config.root / "annotations")
        if config.split == "karpathy":
            self._read_karpathy(read_karpathy(find_karpathy(config.root, "dataset_coco.json")))
        else:
            self._read_official(config.root / "annotations", config.year)

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"image": Column("image"), "text": Column("text")}

    @cached_property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return sum(1 for _ in caption_rows(self._captions, self._places.__getitem__, {}))

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per caption, in the files' order."""
        counts: dict[str, int] = {}
        yield from caption_rows(self._captions, self._places.__getitem__, counts)
        self.notes = counts

    def _read_official(self, folder: Path, wanted: Literal[2014, 2017] | None) -> None:
        found = {
            (part, year): folder / f"captions_{part}{year}.json"
            for year in (2014, 2017)
            for part in PARTS
        }
        found = {key: path for key, path in found.items() if path.is_file()}
        years = {year for _, year in found}
        if wanted is None and len(years) == 2:
            raise PolymodalError(
                f"{folder} holds captions of 2014 and of 2017, which are the same, differently "
                f"split; say which: year=2014 or year=2017"
            )
        read = [(key, path) for key, path in found.items() if wanted in (None, key[1])]
        if not read:
            numbers = "{2014,2017}" if wanted is None else str(wanted)
            raise PolymodalError(
                f"{folder} has no captions_train{numbers}.json nor captions_val{numbers}"
            )
        for (part, year), path in read:
            lists = read_json(path, "images", "annotations")
            self._take_pictures(path, lists["images"], folder=f"{part}{year}")
            for origin, record in records(path, "annotations", lists["annotations"]):
                self._captions.append(self._caption(origin, record))

    def _take_pictures(self, path: Path, pictures: list[object], *, folder: str) -> None:
        split = PARTS[folder[:-4]]
        for origin, record in records(path, "images", pictures):
            try:
                name = str(field_of(record, "id", int))
                file = field_of(record, "file_name", str)
            except BadCell as error:
                self._captions.append(BadRow(origin, error.message))
                continue
            known = self._places.setdefault(name, self._place(name, folder, [file], split))
            if known.split not in (split, None):
                raise PolymodalError(
                    f"{origin}: picture {name} is in '{known.split}' too; a picture has one "
                    f"split: take it out of one file"
                )

    def _caption(self, origin: str, record: object) -> Caption | BadRow:
        try:
            picture = str(field_of(record, "image_id", int))
            number = field_of(record, "id", int)
            text = field_of(record, "caption", str)
        except BadCell as error:
            return BadRow(origin, error.message)
        if picture not in self._places:
            return BadRow(origin, f"picture {picture} is not among the images of the file")
        return caption_of(origin, f"{picture}#{number}", picture, text)

    def _read_karpathy(self, pictures: Iterable[KarpathyPicture | BadRow]) -> None:
        for picture in pictures:
            if isinstance(picture, BadRow):
                self._captions.append(picture)
                continue
            if picture.name in self._places:
                message = f"picture {picture.name} is there already"
                self._captions.append(BadRow(picture.origin, message))
                continue
            self._places[picture.name] = self._karpathy_place(picture)
            self._captions += picture.captions

    def _karpathy_place(self, picture: KarpathyPicture) -> Place:
        split = picture.split
        if split == "restval":
            if self._restval == "none":
                return Place(None, None, left_out="pictures of restval, left out")
            split = self._restval
        # The years differ in the folder of a picture and in how its file is called.
        other = [] if picture.number is None else [f"{picture.number:012d}.jpg"]
        return self._place(picture.name, picture.folder, [picture.file, *other], split)

    def _place(self, name: str, folder: str, files: list[str], split: str) -> Place:
        label = self._labels.get(name)
        for candidate in (folder, *(FOLDERS if len(files) > 1 else ())):
            for file in files:
                path = self._folders.find(candidate, file)
                if path is not None:
                    return Place(path, split, label)
        if self._folders.has(folder):
            return Place(None, split, label, wanted=f"{folder}/{files[0]}")
        return Place(None, None, left_out=f"pictures whose folder {folder} is absent")
