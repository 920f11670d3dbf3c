"""Encoded pictures: read, checked, decoded to upright RGB, and written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from polymodal_core.errors import ValueRejectedError

Pixels = NDArray[np.uint8]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr"})
TRANSPARENT = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def read_file(value: str | Path, root: str | None) -> bytes:
    """Read a file below `root`; raises ValueRejectedError where it is missing or empty."""
    path = Path(value) if root is None else Path(root) / value
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise ValueRejectedError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not payload:
        raise ValueRejectedError(f"{path}: the file is empty (0 bytes); copy or download it again")
    return payload


def decode_picture(payload: bytes, *, name: str = "picture") -> Image.Image:
    """Decode all of a picture to RGB, turned as its EXIF orientation says, transparency on white.

    Of an animation this is the first frame. Raises ValueRejectedError, with `name`, for what is
    empty, truncated, no picture, or of more than 8 bits a channel.
    """
    if not payload:
        raise ValueRejectedError(f"{name}: no bytes at all")
    try:
        picture = Image.open(io.BytesIO(payload), formats=FORMATS)
        if picture.mode in MODES:
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)
            return _rgb(picture)
    except Exception as error:  # Pillow has a different class for every kind of damage
        if isinstance(error, UnidentifiedImageError):
            raise ValueRejectedError(
                f"{name}: is no picture that can be read; accepted: {', '.join(FORMATS)}"
            ) from None
        raise ValueRejectedError(
            f"{name}: the picture is damaged or truncated ({error}); copy or download it again"
        ) from None
    raise ValueRejectedError(
        f"{name}: pixels of mode '{picture.mode}' have no agreed meaning as a colour (more than 8 "
        f'bits a channel); convert to 8 bits first, or pack it as kind "depth" if it is a depth map'
    )


def extent(payload: bytes) -> tuple[int, int]:
    """Read height and width of the upright picture off its head; raises ValueRejectedError."""
    try:
        with Image.open(io.BytesIO(payload), formats=FORMATS) as picture:
            # Orientations 5 to 8 lie on their side.
            turned = picture.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
            return picture.size if turned else picture.size[::-1]
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(f"the stored picture is damaged ({error})") from None


def encode_png(pixels: Pixels | Image.Image) -> bytes:
    """Encode RGB pixels [height, width, 3] without loss."""
    return _encoded(_image(pixels), "PNG")


def shrink(payload: bytes, picture: Image.Image, *, short_side: int) -> bytes:
    """Give a picture's bytes anew at this short side, in its own format if that is JPEG, else PNG.

    `picture` is the decoded `payload`; one that is no larger keeps its bytes.
    """
    factor = short_side / min(picture.size)
    if factor >= 1:
        return payload
    width, height = (max(1, round(side * factor)) for side in picture.size)
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    if payload.startswith(b"\xff\xd8"):
        return _encoded(small, "JPEG", quality=95, subsampling=0)
    return encode_png(small)


def check_pixels(value: Any) -> Pixels:
    """Give back an array if it is uint8 [height, width, 3]; else raises ValueRejectedError."""
    array = np.asarray(value)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueRejectedError(
            f"an array of {array.dtype} {list(array.shape)} is no picture; wanted uint8 "
            f"[height, width, 3], values 0 to 255 in the order red, green, blue"
        )
    return np.ascontiguousarray(array)


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in TRANSPARENT or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, picture).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _image(pixels: Pixels | Image.Image) -> Image.Image:
    return pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)


def _encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
