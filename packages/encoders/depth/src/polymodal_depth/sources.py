"""Raw depth maps as arrays: from pictures, from .npy files, from memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from polymodal_core.errors import ValueRejectedError

Depth = NDArray[Any]

FORMATS = ("PNG", "TIFF")
MODES = frozenset({"L", "I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
NUMPY = b"\x93NUMPY"
ACCEPTED = "a one-channel PNG or TIFF, a .npy file, or an array of numbers [height, width]"


def read_source(value: Any, root: str | None) -> tuple[Depth, str]:
    """Read a path below `root`, encoded bytes or an array; give [height, width] and its name.

    Raises ValueRejectedError for what is missing, damaged, or no map of single numbers.
    """
    if isinstance(value, np.ndarray):
        return _checked(value, "array"), "array"
    if isinstance(value, str | Path):
        name, payload = str(value), _read_file(value, root)
    elif isinstance(value, bytes | bytearray | memoryview):
        name, payload = "depth map", bytes(value)
    else:
        raise ValueRejectedError(f"{type(value).__name__} is no depth map; wanted {ACCEPTED}")
    if not payload:
        raise ValueRejectedError(f"{name}: is empty (0 bytes); copy or download it again")
    decode = _decode_array if payload.startswith(NUMPY) else _decode_picture
    return _checked(decode(payload, name), name), name


def _read_file(value: str | Path, root: str | None) -> bytes:
    path = Path(value) if root is None else Path(root) / value
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueRejectedError(f"{path}: cannot be read: {error.strerror or error}") from None


def _decode_array(payload: bytes, name: str) -> Depth:
    try:
        array: Depth = np.load(io.BytesIO(payload), allow_pickle=False)
    except Exception as error:  # NumPy has a different class for every kind of damage
        raise ValueRejectedError(
            f"{name}: the .npy file is damaged or truncated ({error})"
        ) from None
    return array


def _decode_picture(payload: bytes, name: str) -> Depth:
    try:
        picture = Image.open(io.BytesIO(payload), formats=FORMATS)
        if picture.mode in MODES:
            return np.asarray(picture)
    except UnidentifiedImageError:
        raise ValueRejectedError(
            f"{name}: is no depth map that can be read; wanted {ACCEPTED} (JPEG blurs the borders "
            f"of missing readings and is refused)"
        ) from None
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(
            f"{name}: the depth map is damaged or truncated ({error}); copy or download it again"
        ) from None
    raise ValueRejectedError(
        f"{name}: a picture of mode '{picture.mode}' is no depth map (colours cannot be turned "
        f"back into depth); wanted {ACCEPTED}"
    )


def _checked(array: Depth, name: str) -> Depth:
    if array.dtype.kind not in "uif" or array.ndim != 2 or not array.size:
        raise ValueRejectedError(
            f"{name}: values of {array.dtype} {list(array.shape)} are no depth map; "
            f"wanted {ACCEPTED}"
        )
    return array
