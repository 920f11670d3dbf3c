"""How far each pixel of an estimated depth map is to be trusted, kept inside the map.

A map that was estimated carries its confidence in its own PNG, as a chunk that other readers pass
over; a map of a sensor has none. So it is there wherever the map is, in stores that were merged or
renamed too, follows the map's crop, and no column has to be named for it. The picture that
`polymodal-pack depth` writes beside it is for people to look at.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from polymodal_core.errors import ValueRejectedError

from polymodal_depth.millimetres import Millimetres, encode, open_map

Confidence = NDArray[np.uint8]
"""[height, width], 255 = certain."""

CERTAIN = 255
CHUNK = b"coNF"
"""Ancillary, private, and not to be copied by who changes the pixels (PNG, section 5.4)."""


def encode_estimate(millimetres: Millimetres, confidence: Confidence) -> bytes:
    """Write an estimated map [height, width] with its confidence, a grey PNG within the PNG."""
    buffer = io.BytesIO()
    Image.fromarray(confidence).save(buffer, "PNG")
    info = PngInfo()
    info.add(CHUNK, buffer.getvalue())
    return encode(millimetres, info)


def decode_confidence(payload: bytes) -> Confidence | None:
    """Read the confidence of a stored map; None where it was measured.

    Raises ValueRejectedError where it is damaged or has another shape than the map.
    """
    picture = open_map(payload)
    held = [chunk[1] for chunk in getattr(picture, "private_chunks", ()) if chunk[0] == CHUNK]
    if not held:
        return None
    try:
        confidence = np.asarray(Image.open(io.BytesIO(held[0]), formats=("PNG",)))
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(
            f"the confidence of the stored depth map is damaged ({error})"
        ) from None
    if confidence.shape != (picture.height, picture.width) or confidence.dtype != np.uint8:
        raise ValueRejectedError(
            f"the confidence of the stored depth map is {confidence.dtype} "
            f"{list(confidence.shape)}; wanted uint8 {[picture.height, picture.width]}"
        )
    return confidence


def joined(millimetres: Millimetres, confidence: Confidence) -> Millimetres:
    """Give both as one value, uint16 [height, width, 2]; without confidence there is no reading."""
    trusted = confidence > 0
    both = np.stack((np.where(trusted, millimetres, 0), confidence), axis=-1)
    return np.where(both[..., :1] > 0, both, 0).astype(np.uint16)


def readings(value: Millimetres) -> Millimetres:
    """Give the millimetres [height, width] of a value with confidence or without."""
    return value if value.ndim == 2 else value[..., 0]


def confidence_of(value: Millimetres) -> NDArray[np.float32] | None:
    """Give the confidence [height, width] of a value, in 0..1; None where it was measured."""
    return None if value.ndim == 2 else value[..., 1].astype(np.float32) / np.float32(CERTAIN)
