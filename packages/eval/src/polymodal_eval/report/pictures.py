"""Pictures inside the page: thumbnails as data URIs."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 168
"""Longest side in pixels: sharp at twice the density of the 84 CSS pixels it is shown at."""


def data_uri(picture: NDArray[np.uint8], *, largest: int = LARGEST) -> str:
    """Give a picture uint8 [height, width, 3] as a `data:` URI, reduced where it is larger.

    Small pictures stay as they are, in PNG; larger ones become JPEG.
    """
    from PIL import Image

    image: Any = Image.fromarray(np.ascontiguousarray(picture))
    if max(image.size) > largest:
        image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if max(image.size) > 72:
        image.convert("RGB").save(buffer, "JPEG", quality=82, optimize=True)
        kind = "jpeg"
    else:
        image.save(buffer, "PNG", optimize=True)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
