"""Where in a picture to look: crops in relative coordinates, drawn once per row.

Every column of a row gets a `shared` generator of the same seed. A modality with a picture plane
draws its crop from it first of all, by `draw_crop`, and so shows the same place as its siblings,
whatever the resolution of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Crop:
    """A box in relative coordinates (0..1, origin at the upper left), then mirrored if `flip`."""

    left: float
    top: float
    right: float
    bottom: float
    flip: bool = False

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Give left, top, right, bottom in the pixels of a picture of this size."""
        return self.left * width, self.top * height, self.right * width, self.bottom * height


WHOLE = Crop(0.0, 0.0, 1.0, 1.0)
"""All of a picture."""


def draw_crop(
    shared: np.random.Generator,
    *,
    aspect: float,
    scale: tuple[float, float] = (0.7, 1.0),
    ratio: tuple[float, float] = (0.8, 1.25),
    flip: float = 0.0,
) -> Crop:
    """Draw a random crop, and a mirror image with probability `flip`.

    `aspect` is the picture's width / height, 1 where it is squashed to a square anyway. The crop's
    own width / height lies in `ratio`, uniform in its logarithm; its area in `scale`, relative to
    the largest box of that shape, so that every draw fits. Always takes five numbers from `shared`.
    """
    area, shape, across, down, mirror = shared.random(5)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    wanted = math.exp(low + shape * (high - low))
    side = math.sqrt(scale[0] + area * (scale[1] - scale[0]))
    width, height = (side * length for length in _largest(wanted / aspect))
    left, top = across * (1 - width), down * (1 - height)
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    return Crop(left, top, right, bottom, flip=bool(mirror < flip))


def centre_crop(*, aspect: float) -> Crop:
    """Give the largest centred square of a picture whose width / height is `aspect`."""
    width, height = _largest(1 / aspect)
    return Crop((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2)


def check_scale(scale: tuple[float, float]) -> tuple[float, float]:
    """Give back a range of relative areas; raises ValueError where it is none."""
    if not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(
            "wanted [smallest, largest] area of a crop, with 0 < smallest <= largest <= 1"
        )
    return scale


def _largest(ratio: float) -> tuple[float, float]:
    # Sides of the largest box in the unit square with this width / height.
    return min(1.0, ratio), min(1.0, 1 / ratio)
