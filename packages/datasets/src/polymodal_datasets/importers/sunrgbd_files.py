"""The files of SUN RGB-D, as they come."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError

from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.matlab_file import read_mat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SENSORS = ("kv1", "kv2", "realsense", "xtion")
DEPTH = ("depth_bfx", "depth")
_SPLITS = "allsplit.mat"
_TOOLBOX = "SUNRGBDtoolbox/traintestSUNRGBD"


def find_scenes(folder: Path) -> list[str]:
    """Find the scenes: paths below `folder` of folders that hold `image/`, in order."""
    scenes = []
    for sensor in SENSORS:
        for path, folders, _ in os.walk(folder / sensor):
            if "image" in folders:
                scenes.append(Path(path).relative_to(folder).as_posix())
                folders.clear()
    return sorted(scenes)


def read_splits(root: Path) -> dict[str, str]:
    """Read which scene is for training and which for the test.

    Raises PolymodalError where there is no `allsplit.mat`, or a scene is in both.
    """
    folders = [root, root / _TOOLBOX, root.parent / _TOOLBOX]
    path = next((folder / _SPLITS for folder in folders if (folder / _SPLITS).is_file()), None)
    if path is None:
        raise PolymodalError(
            f"{root} has no {_SPLITS}, nor has {_TOOLBOX} in or beside it; split=drawn needs none"
        )
    split_of: dict[str, str] = {}
    for name, cells in read_mat(path, "alltrain", "alltest").items():
        split = name.removeprefix("all")
        for place, cell in enumerate(cells.ravel()):
            # Absolute paths of the machine that made the file, some with a slash too many.
            text = str(cell.ravel()[0]) if getattr(cell, "size", 0) else ""
            below = text.partition("SUNRGBD/")[2]
            scene = "/".join(part for part in below.split("/") if part)
            if not scene:
                raise PolymodalError(
                    f"{path}: {name}[{place}] is '{text}'; a path with SUNRGBD/ is expected"
                )
            if split_of.setdefault(scene, split) != split:
                raise PolymodalError(f"{path}: {scene} is in alltrain and in alltest")
    return split_of


def read_depth(path: Path, *, like: Path) -> NDArray[np.uint16]:
    """Read depth in millimetres [height, width], its bits turned back: (x >> 3) | (x << 13).

    Raises BadCell where it is damaged, has no 16 bits, or another size than the picture `like`.
    """
    import numpy as np
    from PIL import Image

    name = f"{path.parent.name}/{path.name}"
    try:
        with Image.open(like) as picture, Image.open(path, formats=("PNG",)) as depth:
            sizes, mode = (picture.size, depth.size), depth.mode
            stored = np.asarray(depth)
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise BadCell(f"{name} or its picture is damaged: {error}") from None
    if not mode.startswith("I"):
        raise BadCell(
            f"{name} is of mode '{mode}'; a PNG of 16 bits is expected, millimetres rotated by "
            f"three bits"
        )
    if sizes[0] != sizes[1]:
        (width, height), (wide, high) = sizes
        raise BadCell(
            f"{name} is {wide} x {high} pixels, and its picture {width} x {height}; they must show "
            f"the same place, pixel by pixel"
        )
    bits = stored.astype(np.uint16)
    return (bits >> np.uint16(3)) | (bits << np.uint16(13))


def scene_label(folder: Path) -> str | None:
    """Read the type of a scene, None where it is unknown."""
    path = folder / "scene.txt"
    if not path.is_file():
        return None
    name = path.read_text(encoding="utf-8", errors="replace").strip().replace("_", " ")
    return None if name in ("", "idk") else name


def object_names(folder: Path) -> list[str]:
    """Read the names of the objects, each once, in order of the outlines in the picture.

    Raises BadCell where the annotation is malformed.
    """
    files = [folder / name / "index.json" for name in ("annotation2Dfinal", "annotation")]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        return []
    try:
        read: Any = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        known = [item["name"] if item else None for item in read["objects"]]
        outlines = [part for frame in read["frames"] for part in frame.get("polygon", [])]
        names = [known[part["object"]] for part in outlines] or known
        return list(dict.fromkeys(name.strip() for name in names if name and name.strip()))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        name = f"{path.parent.name}/{path.name}"
        raise BadCell(f"{name} is malformed: {type(error).__name__}: {error}") from None
