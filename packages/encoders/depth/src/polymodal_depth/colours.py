"""Depth maps as colour pictures for reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polymodal_depth.millimetres import Millimetres

# Every tenth of the colour map Turbo (A. Mikhailov, Google, Apache 2.0), dark blue to dark red.
TURBO = np.array(
    [
        [48, 18, 59],
        [69, 89, 203],
        [62, 155, 254],
        [25, 213, 205],
        [70, 248, 132],
        [164, 252, 60],
        [225, 221, 55],
        [254, 164, 49],
        [240, 91, 18],
        [195, 37, 3],
        [122, 4, 3],
    ]
)
FAR, NEAR = 0.08, 0.95
"""The part of the scale in use: its ends are nearly black and could pass for no reading."""
NO_READING = (40, 40, 40)


def colour_depth(millimetres: Millimetres) -> NDArray[np.uint8]:
    """Map depth [height, width] to uint8 [height, width, 3]: red near, blue far, grey unknown.

    The scale spans the map's own readings.
    """
    valid = millimetres > 0
    picture = np.empty((*millimetres.shape, 3), dtype=np.uint8)
    picture[:] = NO_READING
    if not valid.any():
        return picture
    readings = millimetres[valid].astype(np.float64)
    nearness = (readings.max() - readings) / max(float(np.ptp(readings)), 1.0)
    picture[valid] = _turbo(FAR + nearness * (NEAR - FAR))
    return picture


def _turbo(place: NDArray[np.float64]) -> NDArray[np.uint8]:
    places = np.linspace(0, 1, len(TURBO))
    colours = [np.interp(place, places, channel) for channel in TURBO.T]
    pixels: NDArray[np.uint8] = np.rint(np.stack(colours, axis=-1)).astype(np.uint8)
    return pixels
