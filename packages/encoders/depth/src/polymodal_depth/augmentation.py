"""Readings that training takes away from a map: behind rectangles, and by a coarser resolution.

Both take and give an example float32 [2, size, size], depth and validity. Neither makes up a
reading where there was none, and a map whose last reading would go stays as it is. They serve the
synthetic occlusion and the resolution dropout of trimodal-fusion, section 4.1, which names no more.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Example = NDArray[np.float32]

RECTANGLES = 3
"""Largest number of rectangles that a map is hidden behind."""
LONGEST = 2.0
"""Largest ratio of a rectangle's sides."""


def occlude(
    example: Example, own: np.random.Generator, *, probability: float, area: tuple[float, float]
) -> Example:
    """Hide one to `RECTANGLES` rectangles, with probability `probability`.

    Their areas add up to a share of the map that is drawn evenly from `area`; they may overlap.
    """
    if own.random() >= probability:
        return example
    size = example.shape[1]
    count = int(own.integers(1, RECTANGLES + 1))
    share = own.uniform(*area) / count
    result = example.copy()
    for _ in range(count):
        shape, down, across = own.random(3)
        ratio = math.exp((2 * shape - 1) * math.log(LONGEST))
        height = min(1.0, max(share, math.sqrt(share * ratio)))
        sides = [max(1, round(size * side)) for side in (height, share / height)]
        top, left = (
            round(place * (size - side)) for place, side in zip((down, across), sides, strict=True)
        )
        result[:, top : top + sides[0], left : left + sides[1]] = 0
    return result if result[1].any() else example


def coarsen(
    example: Example, own: np.random.Generator, *, probability: float, coarsest: float
) -> Example:
    """Reduce a map and enlarge it again by nearest neighbour, with probability `probability`.

    The factor is drawn evenly from 1 to `coarsest`. Each cell of the coarser map has the reading at
    its centre, or none where there is none; a pixel that had no reading gets none from its cell.
    """
    if own.random() >= probability:
        return example
    size = example.shape[1]
    side = max(1, round(size / own.uniform(1, coarsest)))
    centres = ((np.arange(side) + 0.5) * size / side).astype(np.int64)
    places = centres[np.arange(size) * side // size]
    coarse = example[:, places[:, None], places]
    kept = (example[1] > 0) & (coarse[1] > 0)
    return np.where(kept, coarse, np.float32(0)) if kept.any() else example
