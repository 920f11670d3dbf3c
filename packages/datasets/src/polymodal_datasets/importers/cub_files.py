"""The files of CUB-200-2011, as they come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

IMAGES = "images.txt"
LABELS = "image_class_labels.txt"
CLASSES = "classes.txt"
OFFICIAL = "train_test_split.txt"
IMAGE_ATTRIBUTES = "attributes/image_attribute_labels.txt"
CLASS_ATTRIBUTES = "attributes/class_attribute_labels_continuous.txt"
CAPTIONS = "text_c10"


@dataclass(frozen=True)
class Numbered:
    """A file of `number text` lines: text and line number by number, and the lines that fail."""

    texts: Mapping[int, str] = field(default_factory=dict)
    lines: Mapping[int, int] = field(default_factory=dict)
    bad: tuple[BadRow, ...] = ()


def tree_below(root: Path) -> Path:
    """Give the folder of the data set: `root/CUB_200_2011`, or `root` itself."""
    if not root.is_dir():
        raise PolymodalError(f"no such folder: {root}; the one that holds CUB_200_2011 is expected")
    inner = root / "CUB_200_2011"
    return inner if inner.is_dir() else root


def read_numbered(path: Path) -> Numbered:
    """Read `1 001.Black_footed_Albatross/x.jpg` lines; empty where there is no such file."""
    if not path.is_file():
        return Numbered()
    texts: dict[int, str] = {}
    lines: dict[int, int] = {}
    bad = []
    content = path.read_text(encoding="utf-8-sig", errors="replace")
    for line_number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        number, _, text = line.strip().partition(" ")
        origin = f"{path.name}:{line_number}"
        if not (number.isdecimal() and text.strip()):
            bad.append(BadRow(origin, f"a number, a space and a text are expected; given '{line}'"))
        elif int(number) in texts:
            first = lines[int(number)]
            bad.append(BadRow(origin, f"number {number} stands already in line {first}"))
        else:
            texts[int(number)] = text.strip()
            lines[int(number)] = line_number
    return Numbered(texts, lines, tuple(bad))


def read_class_attributes(path: Path) -> Vectors:
    """Read the share of annotators who saw each attribute: [classes, attributes] in 0..1.

    Raises PolymodalError that names the line for anything but percentages.
    """
    import numpy as np

    rows: list[Vectors] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = np.array([float(text) for text in line.split()], dtype=np.float64)
        except ValueError as error:
            raise PolymodalError(f"{path}:{number}: {error}") from None
        if rows and len(row) != len(rows[0]):
            message = f"{len(row)} values, where the first line has {len(rows[0])}"
            raise PolymodalError(f"{path}:{number}: {message}")
        wrong = np.flatnonzero(~((row >= 0) & (row <= 100)))  # NaN fails both
        if wrong.size:
            message = f"value {wrong[0] + 1} is {row[wrong[0]]}; percentages are expected"
            raise PolymodalError(f"{path}:{number}: {message}")
        rows.append((row / 100).astype(np.float32))
    if not rows:
        raise PolymodalError(f"{path} is empty; a line of percentages per class is expected")
    return np.stack(rows)


def read_image_attributes(
    path: Path, certainty: tuple[float, float, float, float]
) -> dict[int, Vectors]:
    """Read `image attribute present certainty …` lines: a vector [attributes] per picture number.

    An attribute counts its weight by certainty (1 to 4) where present, else 0; NaN where no line
    says anything. Raises PolymodalError for what is no number.
    """
    import numpy as np

    try:
        # A few lines of the original have one field too many, after these four.
        lines = np.loadtxt(path, dtype=np.int64, usecols=(0, 1, 2, 3), ndmin=2)
    except ValueError as error:
        raise PolymodalError(f"{path}: {error}") from None
    if not len(lines):
        raise PolymodalError(f"{path} is empty; a line per picture and attribute is expected")
    image, attribute, present, certain = lines.T
    wrong = (attribute < 1) | (present < 0) | (present > 1) | (certain < 1) | (certain > 4)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise PolymodalError(
            f"{path}: record {row + 1} is {' '.join(map(str, lines[row]))}; attributes count from "
            f"1, presence is 0 or 1, certainty 1 to 4"
        )
    numbers, place = np.unique(image, return_inverse=True)
    vectors = np.full((len(numbers), int(attribute.max())), np.nan, dtype=np.float32)
    weights = np.asarray(certainty, dtype=np.float32)
    vectors[place, attribute - 1] = present * weights[certain - 1]
    return {int(number): vectors[row] for row, number in enumerate(numbers)}


def class_number(name: str) -> int | None:
    """Give the class number of `001.Black_footed_Albatross`, None where it starts with none."""
    found = re.match(r"(\d+)(?=\.|$)", name)
    return None if found is None else int(found[1])


def class_label(name: str) -> str:
    """Give the class in words: `001.Black_footed_Albatross` as `Black footed Albatross`."""
    return re.sub(r"^\d+\.", "", name).replace("_", " ").strip()
