"""Small depth maps that tests make, encode and damage."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Millimetres = NDArray[np.uint16]


def ramp(height: int = 48, width: int = 64, *, near: int = 1000, far: int = 5000) -> Millimetres:
    """Depth grows from left to right."""
    across = np.rint(np.linspace(near, far, width)).astype(np.uint16)
    return np.ascontiguousarray(np.broadcast_to(across, (height, width)))


def with_holes(height: int = 48, width: int = 64, *, share: float = 0.3) -> Millimetres:
    """A ramp that lacks single readings here and there."""
    lost = np.random.default_rng(0).random((height, width)) < share
    return np.where(lost, np.uint16(0), ramp(height, width))


def encoded(values: NDArray[Any], form: str = "PNG") -> bytes:
    """Encode an array as Pillow does."""
    return saved(Image.fromarray(values), form)


def saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Encode a picture of Pillow."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def as_npy(values: NDArray[Any]) -> bytes:
    """Encode an array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def trust(height: int = 48, width: int = 64, *, seed: int = 0) -> NDArray[np.uint8]:
    """Confidence of every value in 0..255, low on the left."""
    noise = np.random.default_rng(seed).integers(0, 64, (height, width))
    return (np.linspace(0, 191, width) + noise).astype(np.uint8)
