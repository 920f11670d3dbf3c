"""What the trees of CUB-200-2011 say, brought together by picture path and class number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow

from polymodal_datasets.importers import cub_files as files
from polymodal_datasets.importers.cub import CUBConfig

if TYPE_CHECKING:
    from polymodal_datasets.importers.cub_files import Vectors


@dataclass
class CUBData:
    """All that is known: pictures by path below `images/`, classes by number.

    `pictures` gives each picture's place for messages (`images.txt:12`), in order. `classes`,
    `official` and `attributes` are by picture, `names` and `prototypes` by class. `captions` is
    the folder of caption files, `images` that of the pictures; None where there is none.
    """

    images: Path | None = None
    captions: Path | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    official: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Vectors] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    prototypes: dict[int, Vectors] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)


def read_cub(config: CUBConfig) -> CUBData:
    """Read every file but pictures and captions; raises PolymodalError where one makes no sense.

    Where both trees say something, `root` counts.
    """
    trees = [files.tree_below(config.root)]
    if config.metadata_root is not None:
        trees.append(files.tree_below(config.metadata_root))
    data = CUBData()
    images = trees[0] / "images"
    data.images = images if images.is_dir() else None
    folders = [tree / files.CAPTIONS for tree in trees]
    folders += [tree.parent / files.CAPTIONS for tree in trees]
    data.captions = next((folder for folder in folders if folder.is_dir()), None)
    if data.images is not None and not (trees[0] / files.IMAGES).is_file():
        found = sorted(path.relative_to(images).as_posix() for path in images.glob("*/*.jpg"))
        data.pictures = {path: f"images/{path}" for path in found}
    for tree in trees:
        _read_by_picture(tree, config, data)
    for picture in [*data.pictures, *data.attributes]:
        number = files.class_number(picture.split("/")[0])
        if number is not None:
            data.classes.setdefault(picture, number)
    _read_names(trees, data)
    _read_prototypes(trees, data)
    return data


def _read_by_picture(tree: Path, config: CUBConfig, data: CUBData) -> None:
    # These files name pictures by number, and the numbers are those of the images.txt beside them.
    images = files.read_numbered(tree / files.IMAGES)
    labels = files.read_numbered(tree / files.LABELS) if images.texts else files.Numbered()
    official = files.read_numbered(tree / files.OFFICIAL) if images.texts else files.Numbered()
    data.bad += [*images.bad, *labels.bad, *official.bad]
    if not data.pictures:
        data.pictures = {
            path: f"{files.IMAGES}:{images.lines[number]}" for number, path in images.texts.items()
        }
    vectors: Mapping[int, Vectors] = {}
    if images.texts and (tree / files.IMAGE_ATTRIBUTES).is_file():
        vectors = files.read_image_attributes(tree / files.IMAGE_ATTRIBUTES, config.certainty)
    for number, path in images.texts.items():
        label = labels.texts.get(number)
        if label is not None and label.isdecimal():
            data.classes.setdefault(path, int(label))
        elif label is not None:
            origin = f"{files.LABELS}:{labels.lines[number]}"
            data.bad.append(BadRow(origin, f"'{label}' is no class number"))
        split = {"1": "train", "0": "test"}.get(official.texts.get(number, ""))
        if split is not None:
            data.official.setdefault(path, split)
        if number in vectors:
            data.attributes.setdefault(path, vectors[number])


def _read_names(trees: list[Path], data: CUBData) -> None:
    for tree in trees:
        listed = files.read_numbered(tree / files.CLASSES)
        data.bad += listed.bad
        for number, name in listed.texts.items():
            data.names.setdefault(number, name)
    for folder in {picture.split("/")[0] for picture in data.pictures}:
        of_folder = files.class_number(folder)
        if of_folder is not None:
            data.names.setdefault(of_folder, folder)


def _read_prototypes(trees: list[Path], data: CUBData) -> None:
    import numpy as np

    found = [tree / files.CLASS_ATTRIBUTES for tree in trees]
    path = next((path for path in found if path.is_file()), None)
    if path is not None:
        rows = files.read_class_attributes(path)
        beyond = [number for number in set(data.classes.values()) if not 0 < number <= len(rows)]
        if beyond:
            raise PolymodalError(
                f"{path} has {len(rows)} lines, and line {max(beyond)} would be class "
                f"{max(beyond)}, which has pictures; a line per class number is expected"
            )
        data.prototypes = {number + 1: row for number, row in enumerate(rows)}
        return
    by_class: dict[int, list[Vectors]] = defaultdict(list)
    for picture, vector in data.attributes.items():
        if picture in data.classes and not np.isnan(vector).any():
            by_class[data.classes[picture]].append(vector)
    data.prototypes = {
        number: np.stack(vectors).mean(axis=0, dtype=np.float64).astype(np.float32)
        for number, vectors in by_class.items()
    }
