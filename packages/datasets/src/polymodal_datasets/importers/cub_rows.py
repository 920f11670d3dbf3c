"""Rows of CUB-200-2011: one per caption, or per picture where there are no captions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers import cub_files as files
from polymodal_datasets.importers.cells import BadCell, text_of
from polymodal_datasets.importers.cub import CUBConfig
from polymodal_datasets.importers.cub_classes import held_out_pictures, unseen_classes
from polymodal_datasets.importers.cub_data import CUBData, read_cub


class CUBImporter:
    """Reads the rows of CUB-200-2011; after `rows`, `notes` counts pictures without captions."""

    def __init__(self, config: CUBConfig) -> None:
        """Read the lists; raises PolymodalError where nothing can be paired or held out."""
        data = read_cub(config)
        if not data.pictures or not (data.images or data.captions or data.attributes):
            raise PolymodalError(
                f"{config.root} says nothing of single pictures; needed is images/, or beside "
                f"{files.IMAGES} either {files.IMAGE_ATTRIBUTES} or {files.CAPTIONS}/"
            )
        self.root: str | None = str(files.tree_below(config.root))
        self.notes: Mapping[str, int] = {}
        self._data = data
        self._official = config.split == "official"
        self._split_of = _official(config, data) if self._official else _by_class(config, data)

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name: those whose files are present."""
        data = self._data
        found = {
            "image": (data.images is not None, Column("image")),
            "text": (data.captions is not None, Column("text")),
            "attributes": (bool(data.attributes), Column("attributes")),
            "prototypes": (bool(data.prototypes), Column("prototypes", of_classes=True)),
        }
        return {name: column for name, (present, column) in found.items() if present}

    @property
    def total(self) -> int | None:
        """Number of rows; None with captions, whose number only their files tell."""
        if self._data.captions is not None:
            return None
        return len(self._data.bad) + len(self._data.pictures)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield the rows of each picture, in the order of images.txt."""
        yield from self._data.bad
        without = 0
        for picture, origin in self._data.pictures.items():
            try:
                label, split = self._roles(picture)
                items = self._items(picture)
                captions = self._captions(picture)
                if not (items or captions):
                    raise BadCell(f"{picture} has neither attributes nor captions")
            except BadCell as error:
                yield BadRow(origin, error.message)
                continue
            without += self._data.captions is not None and not captions
            for caption in captions:
                yield Row({**items, "text": caption}, picture, label, split, origin)
            if not captions:
                yield Row(items, picture, label, split, origin)
        self.notes = {"pictures without captions": without} if without else {}

    def _roles(self, picture: str) -> tuple[str, str]:
        number = self._data.classes.get(picture)
        if number is None or number not in self._data.names:
            raise BadCell(f"{picture} has no class in {files.LABELS} and {files.CLASSES}")
        split = self._split_of.get(picture)
        if split is None:
            raise BadCell(f"{picture} has neither 0 nor 1 in {files.OFFICIAL}")
        return files.class_label(self._data.names[number]), split

    def _items(self, picture: str) -> dict[str, Item]:
        import numpy as np

        items = {}
        path = f"images/{picture}"
        if self._data.images is not None:
            if not (self._data.images / picture).is_file():
                raise BadCell(f"no such file: {self._data.images / picture}")
            items["image"] = Item(path, path)
        vector = self._data.attributes.get(picture)
        if vector is not None:
            unknown = np.flatnonzero(np.isnan(vector))
            if unknown.size:
                raise BadCell(f"{picture} lacks attribute {unknown[0] + 1} of {len(vector)}")
            items["attributes"] = Item(f"{path}#attributes", vector)
        number = self._data.classes[picture]
        if number in self._data.prototypes:
            items["prototypes"] = Item(self._data.names[number], self._data.prototypes[number])
        return items

    def _captions(self, picture: str) -> list[Item]:
        if self._data.captions is None:
            return []
        name = Path(picture).with_suffix(".txt")
        path = self._data.captions / name
        if not path.is_file():
            return []
        content = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        texts = [text_of(line) for line in content.splitlines()]
        return [
            Item(f"{files.CAPTIONS}/{name.as_posix()}#{number}", text)
            for number, text in enumerate(texts)
            if text is not None
        ]


def _official(config: CUBConfig, data: CUBData) -> Mapping[str, str]:
    set_in_vain = sorted({"unseen", "test_seen", "seed"} & config.model_fields_set)
    if set_in_vain:
        raise PolymodalError(f"{', '.join(set_in_vain)} belongs to split = 'classes'")
    if not data.official:
        raise PolymodalError(
            f"split = 'official' needs {files.OFFICIAL} beside {files.IMAGES}, with pictures of "
            f"{config.root}; split = 'classes' needs no file"
        )
    return data.official


def _by_class(config: CUBConfig, data: CUBData) -> Mapping[str, str]:
    pictures: dict[int, list[str]] = defaultdict(list)
    for picture in data.pictures:
        if picture in data.classes:
            pictures[data.classes[picture]].append(picture)
    unseen = unseen_classes(config.unseen, pictures.keys(), seed=config.seed)
    seen = {number: sorted(paths) for number, paths in pictures.items() if number not in unseen}
    held = held_out_pictures(seen, config.test_seen, seed=config.seed)
    splits = {picture: "test" for number in unseen for picture in pictures[number]}
    for paths in seen.values():
        splits.update({path: "test_seen" if path in held else "train" for path in paths})
    return splits
