"""Rows of SUN RGB-D: one per scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.recordings import share_of_names
from polymodal_datasets.importers.sunrgbd import SUNRGBDConfig
from polymodal_datasets.importers.sunrgbd_files import (
    DEPTH,
    SENSORS,
    find_scenes,
    object_names,
    read_depth,
    read_splits,
    scene_label,
)

_VIDEOS = "xtion/sun3ddata/"


class SUNRGBDImporter:
    """Reads the rows of SUN RGB-D; after `rows`, `notes` counts what is in no row, and gaps."""

    def __init__(self, config: SUNRGBDConfig) -> None:
        """Find the scenes; raises PolymodalError where there are none, or no split."""
        inner = config.root / "SUNRGBD"
        self._folder = inner if inner.is_dir() else config.root
        self.root: str | None = str(self._folder)
        self.notes: Mapping[str, int] = {}
        self._depths = DEPTH if config.depth == "filled" else DEPTH[::-1]
        scenes = find_scenes(self._folder)
        if not scenes:
            raise PolymodalError(
                f"{self._folder} has no scene: folders with image/*.jpg below any of "
                f"{', '.join(SENSORS)} are expected"
            )
        if config.split == "official":
            self._split_of: Mapping[str, str] = read_splits(config.root)
        else:
            self._split_of = _drawn(scenes, config)
        self._scenes = [scene for scene in scenes if scene in self._split_of]
        self._left_out = {
            "scenes that are not in allsplit.mat": len(scenes) - len(self._scenes),
            "scenes of allsplit.mat that are not here": len(self._split_of) - len(self._scenes),
        }
        if not self._scenes:
            raise PolymodalError(
                f"allsplit.mat names none of the {len(scenes)} scenes, such as {scenes[0]}; it "
                f"names {next(iter(self._split_of), 'none')}"
            )

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name: those whose files any scene has."""
        found = {
            "image": (True, Column("image")),
            "depth": (self._any(*DEPTH), Column("depth", {"unit": "mm"})),
            "text": (self._any("annotation2Dfinal", "annotation"), Column("text")),
        }
        return {name: column for name, (present, column) in found.items() if present}

    @property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return len(self._scenes)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per scene, in the order of their paths."""
        counts = {what: count for what, count in self._left_out.items() if count}
        for scene in self._scenes:
            try:
                items = self._items(scene, counts)
                label = scene_label(self._folder / scene)
            except BadCell as error:
                yield BadRow(scene, error.message)
            else:
                yield Row(items, scene, label, self._split_of[scene], scene)
        self.notes = counts

    def _any(self, *folders: str) -> bool:
        return any(
            (self._folder / scene / folder).is_dir() for scene in self._scenes for folder in folders
        )

    def _items(self, scene: str, counts: dict[str, int]) -> dict[str, Item]:
        folder = self._folder / scene
        pictures = sorted((folder / "image").glob("*.jpg"))
        if len(pictures) != 1:
            raise BadCell(f"image/ holds {len(pictures)} pictures (*.jpg) where one is expected")
        path = f"{scene}/image/{pictures[0].name}"
        items = {"image": Item(path, path)}
        found = [(name, next(iter(sorted((folder / name).glob("*.png"))), None)) for name in DEPTH]
        maps = {name: file for name, file in found if file is not None}
        chosen = next((name for name in self._depths if name in maps), None)
        if chosen is None:
            _count(counts, "scenes without depth")
        else:
            if chosen != self._depths[0]:
                _count(counts, f"scenes without {self._depths[0]}, with {chosen} instead")
            file = maps[chosen]
            depth = read_depth(file, like=pictures[0])
            items["depth"] = Item(f"{scene}/{chosen}/{file.name}", depth)
        names = object_names(folder)
        if names:
            items["text"] = Item(f"{scene}/objects", ", ".join(names))
        elif "text" in self.columns:
            _count(counts, "scenes without objects")
        return items


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1


def _drawn(scenes: list[str], config: SUNRGBDConfig) -> dict[str, str]:
    # Neighbouring frames of one video in training and test would make every figure worthless.
    group = {
        scene: Path(scene).parent.as_posix() if scene.startswith(_VIDEOS) else scene
        for scene in scenes
    }
    shares = {"test": config.test, "validation": config.validation}
    split_of = share_of_names(set(group.values()), shares, seed=config.seed)
    return {scene: split_of[group[scene]] for scene in scenes}
