"""Small pictures that tests make, encode and damage."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def gradient(height: int = 48, width: int = 64) -> Pixels:
    """Red grows from left to right, green from top to bottom, blue is 90."""
    across = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    down = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    blue = np.full((height, width), 90.0)
    pixels: Pixels = np.rint(np.stack((across, down, blue), axis=-1)).astype(np.uint8)
    return pixels


def textured(height: int = 48, width: int = 64, *, seed: int = 0) -> Pixels:
    """Random blocks of 4 x 4 pixels."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(40, 216, (height // 4, width // 4, 3), dtype=np.uint8)
    pixels: Pixels = np.kron(blocks, np.ones((4, 4, 1), dtype=np.uint8))
    return pixels


def encoded(pixels: NDArray[Any], form: str = "PNG", **options: Any) -> bytes:
    """Encode an array, or whatever Pillow makes of it."""
    return saved(Image.fromarray(pixels), form, **options)


def saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Encode a picture of Pillow."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
