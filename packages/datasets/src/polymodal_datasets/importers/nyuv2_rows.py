"""Rows of NYU Depth V2: one per labelled frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.matlab_file import open_mat73, read_mat
from polymodal_datasets.importers.nyuv2 import NYUv2Config
from polymodal_datasets.importers.recordings import share_of_names

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_FILE, _SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
_DEPTHS = {"filled": "depths", "sensor": "rawDepths"}


class NYUv2Importer:
    """Reads the rows of NYU Depth V2; after `rows`, `notes` counts frames that lack something."""

    def __init__(self, config: NYUv2Config) -> None:
        """Read names, types and splits; raises PolymodalError for what is missing or damaged."""
        self.root: str | None = str(config.root)
        self.notes: Mapping[str, int] = {}
        self._smallest = config.smallest
        self._depth = _DEPTHS[config.depth]
        self._path = config.root / _FILE
        if not self._path.is_file():
            raise PolymodalError(f"{config.root} has no {_FILE}, the labelled part of the data set")
        with open_mat73(self._path, "images") as opened:
            self._present = {name for name in (self._depth, "labels", "names") if name in opened}
            self._shapes = {name: opened[name].shape for name in self._present - {"names"}}
            self._count = opened["images"].shape[0]
            self._names = _texts(opened, "names")
            self._types = _texts(opened, "sceneTypes")
            rooms = _texts(opened, "scenes")
        if not {self._depth} & self._present and not self._with_text:
            other = ", ".join(sorted(_DEPTHS.values()))
            raise PolymodalError(
                f"{self._path} has neither {self._depth} nor labels with names; beside images, "
                f"{other} or these are needed"
            )
        for name, shape in self._shapes.items():
            if shape[0] != self._count:
                raise PolymodalError(
                    f"{self._path}: {name} has {shape[0]} frames and images {self._count}"
                )
        if config.split == "official":
            self._split_of = _official(config, self._count)
        else:
            self._split_of = _drawn(config, rooms or [str(n) for n in range(self._count)])

    @property
    def _with_text(self) -> bool:
        return {"labels", "names"} <= self._present

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name: those whose variables are present."""
        found = {
            "image": (True, Column("image")),
            "depth": (self._depth in self._present, Column("depth", {"unit": "m"})),
            "text": (self._with_text, Column("text")),
        }
        return {name: column for name, (present, column) in found.items() if present}

    @property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return len(self._split_of)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per frame that has a split, in the file's order."""
        counts: dict[str, int] = {}
        left_out = self._count - len(self._split_of)
        if left_out:
            counts[f"frames that are not in {_SPLITS}"] = left_out
        with open_mat73(self._path) as opened:
            for frame, split in sorted(self._split_of.items()):
                origin = f"{_FILE}: frame {frame}"
                try:
                    items = self._items(opened, frame, counts)
                except (BadCell, OSError) as error:
                    yield BadRow(origin, str(error))
                    continue
                label = self._types[frame].replace("_", " ") if frame < len(self._types) else ""
                yield Row(items, str(frame), label.strip() or None, split, origin)
        self.notes = counts

    def _items(self, opened: Any, frame: int, counts: dict[str, int]) -> dict[str, Item]:
        import numpy as np

        # MATLAB counts columns first, HDF5 rows: every axis of the file is where it was not.
        picture = np.ascontiguousarray(opened["images"][frame].transpose(2, 1, 0))
        items = {"image": Item(f"{frame}", picture)}
        if self._depth in self._present:
            depth = np.ascontiguousarray(opened[self._depth][frame].T)
            if depth.shape != picture.shape[:2]:
                raise BadCell(
                    f"{self._depth} has {list(depth.shape)} pixels and the picture "
                    f"{list(picture.shape[:2])}"
                )
            items["depth"] = Item(f"{frame}", depth)
        if self._with_text:
            text = ", ".join(self._objects(opened["labels"][frame]))
            if text:
                items["text"] = Item(f"{frame}", text)
            else:
                counts["frames without objects"] = counts.get("frames without objects", 0) + 1
        return items

    def _objects(self, labels: NDArray[np.uint16]) -> list[str]:
        import numpy as np

        numbers, pixels = np.unique(labels, return_counts=True)
        order = np.argsort(-pixels, kind="stable")
        largest = [
            int(numbers[place])
            for place in order
            # 0 is what nobody has labelled.
            if numbers[place] > 0 and pixels[place] >= self._smallest * labels.size
        ]
        if largest and max(largest) > len(self._names):
            raise BadCell(f"label {max(largest)} has no name; there are {len(self._names)}")
        return [self._names[number - 1] for number in largest]


def _texts(opened: Any, name: str) -> list[str]:
    """Read a cell array of texts, which the file keeps as references to arrays of characters."""
    if name not in opened:
        return []
    return [
        "".join(chr(int(character)) for character in opened[reference][()].ravel())
        for reference in opened[name][()].ravel()
    ]


def _official(config: NYUv2Config, count: int) -> dict[int, str]:
    path = config.root / _SPLITS
    if not path.is_file():
        raise PolymodalError(f"{config.root} has no {_SPLITS}; split=drawn needs none")
    split_of: dict[int, str] = {}
    for name, numbers in read_mat(path, "trainNdxs", "testNdxs").items():
        for number in numbers.ravel():
            frame, split = int(number) - 1, name.removesuffix("Ndxs")
            if not 0 <= frame < count:
                raise PolymodalError(
                    f"{path}: {name} names frame {int(number)} of {count}; it counts from 1"
                )
            if split_of.setdefault(frame, split) != split:
                raise PolymodalError(f"{path}: frame {int(number)} is for training and for test")
    return split_of


def _drawn(config: NYUv2Config, rooms: list[str]) -> dict[int, str]:
    shares = {"test": config.test, "validation": config.validation}
    split_of = share_of_names(set(rooms), shares, seed=config.seed)
    return {frame: split_of[room] for frame, room in enumerate(rooms)}
