"""Label maps in colours, for reports."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from polymodal_segmentation.label_maps import LabelMap

GOLDEN = 0.618033988749895
"""Steps around the circle of hues by which no two of many classes come to lie close."""

TONES = ((0.62, 0.92), (0.85, 0.66), (0.38, 0.78), (0.95, 0.95))
"""Saturation and value, in turn, so that classes of near hues still differ."""

IGNORED = (38, 38, 38)


def palette() -> NDArray[np.uint8]:
    """Give a colour for each number of a class: [256, 3]."""
    colours = [
        colorsys.hsv_to_rgb(0.58 + GOLDEN * number, *TONES[number % len(TONES)])
        for number in range(256)
    ]
    found: NDArray[np.uint8] = np.rint(255 * np.array(colours)).astype(np.uint8)
    return found


def colour_classes(value: LabelMap, *, ignore: int | None) -> NDArray[np.uint8]:
    """Give a label map [height, width] as colours [height, width, 3]."""
    colours = palette()
    if ignore is not None:
        colours[ignore] = IGNORED
    picture: NDArray[np.uint8] = colours[value]
    return picture
