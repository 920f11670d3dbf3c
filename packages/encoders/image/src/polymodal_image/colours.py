"""Random changes of colour in training."""

from __future__ import annotations

import numpy as np
from PIL import Image

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
