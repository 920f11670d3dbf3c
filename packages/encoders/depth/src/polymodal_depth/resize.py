"""Resizing of depth maps that never mixes missing readings into their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polymodal_depth.millimetres import Millimetres

Box = tuple[float, float, float, float]


def resize_depth(
    millimetres: Millimetres,
    *,
    box: Box,
    size: int,
    confidence: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Resize the `box` (pixels) of a map to depth in mm and validity, both [size, size].

    Each output pixel is the mean of the readings in its area, valid where these cover half of it
    or more; nearest neighbour where the map is enlarged. Validity is 1 there, or the readings' mean
    `confidence` [height, width], which is 0 where there is no reading. Invalid pixels are 0.
    """
    valid = millimetres > 0
    total = _area_mean(millimetres, box, size)
    if valid.all() and confidence is None:
        return total, np.ones_like(total)
    share = _area_mean(valid, box, size)
    kept = share >= 0.5
    trust = share if confidence is None else _area_mean(confidence, box, size)
    readings = np.where(kept, share, np.float32(1))
    depth, validity = (np.where(kept, part / readings, np.float32(0)) for part in (total, trust))
    return depth, validity


def _area_mean(
    values: NDArray[np.uint16] | NDArray[np.bool_] | NDArray[np.float32], box: Box, size: int
) -> NDArray[np.float32]:
    picture = Image.fromarray(values.astype(np.float32))
    return np.array(picture.resize((size, size), Image.Resampling.BOX, box=box))
