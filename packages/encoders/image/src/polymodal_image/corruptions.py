"""Ways to damage a picture, for measuring robustness: severity 0 changes nothing, 1 is worst.

Each takes uint8 [height, width, 3], a severity in 0..1 and a generator. Lengths are relative to
the picture's short side, so that a severity means the same at every resolution.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from polymodal_core.protocols import Corruption

    from polymodal_image.pictures import Pixels

NOISE = 0.4
"""Standard deviation of the worst noise, of values in 0..1."""
BLUR = 0.08
"""Radius of the worst blur, of the short side."""
BRIGHTNESS = 0.6
"""Largest shift of brightness, of values in 0..1."""
OCCLUSION = 0.6
"""Largest share of the picture that is hidden."""
GREY = 127


def noise(value: Pixels, severity: float, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise to every channel of every pixel."""
    return _clipped(value + rng.normal(0, 255 * NOISE, value.shape) * severity)


def blur(value: Pixels, severity: float, rng: np.random.Generator) -> Pixels:
    """Blur with a Gaussian; nothing in it is random."""
    radius = severity * BLUR * min(value.shape[:2])
    return np.asarray(Image.fromarray(value).filter(ImageFilter.GaussianBlur(radius)))


def jpeg(value: Pixels, severity: float, rng: np.random.Generator) -> Pixels:
    """Encode as JPEG of quality 60 down to 2; nothing in it is random."""
    if severity == 0:
        return value
    buffer = io.BytesIO()
    Image.fromarray(value).save(buffer, "JPEG", quality=round(60 - 58 * severity))
    return np.asarray(Image.open(buffer))


def brightness(value: Pixels, severity: float, rng: np.random.Generator) -> Pixels:
    """Make the whole picture brighter or darker, whichever the generator says."""
    shift = 255 * BRIGHTNESS * severity * rng.choice((-1, 1))
    return _clipped(value + shift)


def occlusion(value: Pixels, severity: float, rng: np.random.Generator) -> Pixels:
    """Hide a rectangle of the picture's own shape, anywhere, under grey."""
    side = math.sqrt(OCCLUSION * severity)
    height, width = (round(side * length) for length in value.shape[:2])
    top, left = (
        round(place * (length - hidden))
        for place, length, hidden in zip(
            rng.random(2), value.shape[:2], (height, width), strict=True
        )
    )
    result = value.copy()
    result[top : top + height, left : left + width] = GREY
    return result


def _clipped(pixels: np.ndarray) -> Pixels:
    result: Pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return result


CORRUPTIONS: dict[str, Corruption] = {
    "noise": noise,
    "blur": blur,
    "jpeg": jpeg,
    "brightness": brightness,
    "occlusion": occlusion,
}
