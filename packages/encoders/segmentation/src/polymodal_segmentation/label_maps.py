"""Label maps as they are stored: one 8-bit number of a class for every pixel, in a PNG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from polymodal_core.errors import ValueRejectedError

LabelMap = NDArray[np.uint8]

MODES = frozenset({"L", "P", "1"})
ACCEPTED = "a PNG of one 8-bit channel (or with a palette), or an array of integers [height, width]"


def read_label_map(value: Any, root: str | None) -> tuple[LabelMap, str, bytes | None]:
    """Read a path below `root`, encoded bytes or an array.

    Gives uint8 [height, width], a name for messages, and the bytes as they came where there are
    any. Raises ValueRejectedError for what is missing, damaged, or no map of numbers up to 255.
    """
    if isinstance(value, np.ndarray):
        return _of_array(value), "array", None
    if isinstance(value, str | Path):
        path = Path(value) if root is None else Path(root) / value
        try:
            name, payload = str(value), path.read_bytes()
        except OSError as error:
            raise ValueRejectedError(f"{path}: cannot be read: {error.strerror or error}") from None
    elif isinstance(value, bytes | bytearray | memoryview):
        name, payload = "label map", bytes(value)
    else:
        raise ValueRejectedError(f"{type(value).__name__} is no label map; wanted {ACCEPTED}")
    if not payload:
        raise ValueRejectedError(f"{name}: is empty (0 bytes); copy or download it again")
    return decode(payload, name=name), name, payload


def decode(payload: bytes, *, name: str = "the stored label map") -> LabelMap:
    """Read a PNG to uint8 [height, width]; raises ValueRejectedError where it is none."""
    try:
        picture = Image.open(io.BytesIO(payload), formats=("PNG",))
        if picture.mode in MODES:
            return np.asarray(picture).astype(np.uint8)
    except UnidentifiedImageError:
        raise ValueRejectedError(
            f"{name}: is no PNG; wanted {ACCEPTED} (JPEG mixes the numbers of classes at their "
            f"borders and is refused)"
        ) from None
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(
            f"{name}: the label map is damaged or truncated ({error}); copy or download it again"
        ) from None
    raise ValueRejectedError(
        f"{name}: a picture of mode '{picture.mode}' is no label map; wanted {ACCEPTED}: write the "
        f"number of each pixel's class, not its colour, and no number above 255"
    )


def encode(label_map: LabelMap) -> bytes:
    """Write as 8-bit PNG."""
    buffer = io.BytesIO()
    Image.fromarray(label_map).save(buffer, "PNG")
    return buffer.getvalue()


def extent(payload: bytes) -> tuple[int, int]:
    """Read height and width off the head of a stored PNG; raises ValueRejectedError."""
    try:
        with Image.open(io.BytesIO(payload), formats=("PNG",)) as picture:
            return picture.height, picture.width
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(f"the stored label map is damaged ({error})") from None


def _of_array(array: NDArray[Any]) -> LabelMap:
    if array.dtype.kind not in "ui" or array.ndim != 2 or not array.size:
        raise ValueRejectedError(
            f"values of {array.dtype} {list(array.shape)} are no label map; wanted {ACCEPTED}"
        )
    if array.min() < 0 or array.max() > 255:
        raise ValueRejectedError(
            f"numbers from {array.min()} to {array.max()} are no label map; wanted 0 to 255"
        )
    return np.ascontiguousarray(array.astype(np.uint8))
