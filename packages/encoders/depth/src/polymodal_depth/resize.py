"""Resizing of depth maps that never mixes missing readings into their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polymodal_depth.millimetres import Millimetres

Box = tuple[float, float, float, float]


def resize_depth(
    millimetres: Millimetres, *, box: Box, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Resize the `box` (pixels) of a map to depth in mm and validity, both [size, size].

    Each output pixel is the mean of the readings in its area, valid where these cover half of it
    or more; nearest neighbour where the map is enlarged. Invalid pixels are 0.
    """
    valid = millimetres > 0
    total = _area_mean(millimetres, box, size)
    if valid.all():
        return total, np.ones(total.shape, dtype=np.bool_)
    share = _area_mean(valid, box, size)
    kept = share >= 0.5
    return np.where(kept, total / np.where(kept, share, 1), np.float32(0)), kept


def _area_mean(
    values: NDArray[np.uint16] | NDArray[np.bool_], box: Box, size: int
) -> NDArray[np.float32]:
    picture = Image.fromarray(values.astype(np.float32))
    return np.array(picture.resize((size, size), Image.Resampling.BOX, box=box))
