"""Random changes of colour and brightness in training, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from polymodal_image.pictures import Pixels

GREY = np.array([0.299, 0.587, 0.114])
"""Share of red, green and blue in the grey of a pixel (ITU-R BT.601, as Pillow's)."""


def jitter_colours(
    picture: Image.Image, own: np.random.Generator, *, strength: float
) -> Image.Image:
    """Change brightness, contrast and saturation, each by a factor of 1 - to 1 + `strength`.

    Contrast is about the picture's mean grey, saturation about each pixel's own. All three are
    linear, so that one matrix does what three passes would.
    """
    brightness, contrast, saturation = own.uniform(1 - strength, 1 + strength, 3)
    mean = np.asarray(picture.resize((1, 1), Image.Resampling.BOX))[0, 0] @ GREY
    mix = saturation * np.eye(3) + (1 - saturation) * GREY
    offset = np.full((3, 1), brightness * (1 - contrast) * mean)
    affine = np.hstack((brightness * contrast * mix, offset))
    return picture.convert("RGB", matrix=tuple(affine.ravel().tolist()))


def add_noise(pixels: Pixels, own: np.random.Generator, *, strength: float) -> Pixels:
    """Add Gaussian noise to every channel of every pixel of uint8 values of any shape.

    Its standard deviation is drawn evenly from 0 to `strength`, as a share of the range of values,
    anew for each picture; what leaves the range is cut to it.
    """
    spread = np.float32(255 * own.uniform(0, strength))
    noisy = pixels + spread * own.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
