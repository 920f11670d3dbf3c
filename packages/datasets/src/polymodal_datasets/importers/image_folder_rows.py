"""Rows of pictures that lie in a folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.image_folder import ImageFolderConfig
from polymodal_datasets.importers.recordings import share_of_names

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")
CALLED = {"val": "validation", "valid": "validation"}
"""Folders of splits, by what their split is called here."""


@dataclass(frozen=True)
class _Picture:
    name: str
    label: str
    split: str


class ImageFolderImporter:
    """Reads the rows of a tree of pictures, split by split and class by class, in order of names.

    After `rows`, `notes` counts the files that are no pictures.
    """

    def __init__(self, config: ImageFolderConfig) -> None:
        """List the pictures; raises PolymodalError where there are none, or no folders of them."""
        self.root: str | None = str(config.root)
        self.notes: Mapping[str, int] = {}
        self._template = config.template
        self._others = 0
        if not config.root.is_dir():
            raise PolymodalError(
                f"no such folder: {config.root}; one with a folder per "
                f"{'split' if config.split == 'official' else 'class'} is expected"
            )
        found = self._official if config.split == "official" else self._drawn
        self._pictures = list(found(config))
        if not self._pictures:
            raise PolymodalError(f"{config.root}: {_expected(config)}, and no picture is there")

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"image": Column("image"), "word": Column("text", of_classes=True)}

    @property
    def total(self) -> int:
        """Number of rows."""
        return len(self._pictures)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per picture."""
        for picture in self._pictures:
            word = self._template.replace("{}", picture.label.replace("_", " "))
            items = {
                "image": Item(picture.name, picture.name),
                "word": Item(picture.label, word),
            }
            yield Row(items, picture.name, picture.label, picture.split, picture.name)
        self.notes = {"files that are no pictures": self._others} if self._others else {}

    def _official(self, config: ImageFolderConfig) -> Iterator[_Picture]:
        splits = _folders(config.root)
        for split in splits:
            classes = _folders(split)
            if not classes and any(map(_is_picture, split.iterdir())):
                raise PolymodalError(
                    f"{split} holds pictures, and {_expected(config)}; if the folders of "
                    f"{config.root} are classes, say split = 'drawn'"
                )
            for folder in classes:
                for name in self._below(folder, config.root):
                    yield _Picture(name, folder.name, CALLED.get(split.name, split.name))

    def _drawn(self, config: ImageFolderConfig) -> Iterator[_Picture]:
        shares = {"test": config.test, "validation": config.validation}
        for folder in _folders(config.root):
            names = self._below(folder, config.root)
            split_of = share_of_names(names, shares, seed=config.seed)
            yield from (_Picture(name, folder.name, split_of[name]) for name in names)

    def _below(self, folder: Path, root: Path) -> list[str]:
        files = [
            Path(parent, name)
            for parent, _, names in os.walk(folder)
            for name in names
            if not name.startswith(".")
        ]
        pictures = [path.relative_to(root).as_posix() for path in files if _is_picture(path)]
        self._others += len(files) - len(pictures)
        return sorted(pictures)


def _folders(root: Path) -> list[Path]:
    return sorted(
        path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _expected(config: ImageFolderConfig) -> str:
    levels = "<split>/<class>" if config.split == "official" else "<class>"
    return f"{levels}/<picture> is expected below it"
