"""Depth as it is stored: 16-bit millimetres, 0 = no reading, in a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from polymodal_core.errors import ValueRejectedError

from polymodal_depth.sources import Depth
from polymodal_depth.units import millimetres_per_unit

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

Millimetres = NDArray[np.uint16]

FARTHEST = 65535
NEAREST_PLAUSIBLE = 10
EXPECTED = (
    'declare the unit of the source: mm, cm, m, or value=length as in "255=10m" (the value 255 '
    "stands for 10 m)"
)
STORED = "stored are millimetres from 1 to 65535 (65.535 m), 0 = no reading"


def to_millimetres(values: Depth, *, unit: str | None, name: str) -> Millimetres:
    """Convert a source [height, width] whose values are in `unit`.

    Raises ValueRejectedError for an undeclared unit where it cannot be millimetres, and for values
    that are negative, not finite, all 0, or that the unit puts out of range.
    """
    _check_values(values, unit, name)
    # A value that is there stays there, however near.
    scaled = np.rint(values.astype(np.float64) * _scale(values, unit, name))
    farthest = float(scaled.max())
    declared = _declared(unit)
    if farthest > FARTHEST or farthest < NEAREST_PLAUSIBLE:
        raise ValueRejectedError(
            f"{name}: with {declared} the farthest reading is {farthest / 1000:g} m "
            f"({values.max():g} in the source), outside the {NEAREST_PLAUSIBLE / 1000:g} m to "
            f"{FARTHEST / 1000} m that a map of millimetres can tell apart; {EXPECTED}"
        )
    return np.where(values > 0, np.maximum(scaled, 1), 0).astype(np.uint16)


def check_plausible(
    millimetres: Millimetres, plausible: tuple[float, float], *, unit: str | None, name: str
) -> None:
    """Raise ValueRejectedError where the median reading is not within `plausible` metres."""
    median = float(np.median(millimetres[millimetres > 0])) / 1000
    if not plausible[0] <= median <= plausible[1]:
        raise ValueRejectedError(
            f"{name}: with {_declared(unit)} the median reading is {median:g} m, outside the "
            f"{plausible[0]:g} m to {plausible[1]:g} m that are plausible here; {EXPECTED}, or "
            f"another range of `plausible`"
        )


def extent(payload: bytes) -> tuple[int, int]:
    """Read height and width off the head of a stored PNG; raises ValueRejectedError."""
    picture = open_map(payload)
    return picture.height, picture.width


def encode(millimetres: Millimetres, info: PngInfo | None = None) -> bytes:
    """Write as 16-bit PNG, with the chunks of `info`."""
    buffer = io.BytesIO()
    Image.fromarray(millimetres).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def decode(payload: bytes) -> Millimetres:
    """Read a stored PNG; raises ValueRejectedError where it is damaged."""
    picture = open_map(payload)
    try:
        return np.asarray(picture).astype(np.uint16, copy=False)
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(f"the stored depth map is damaged ({error})") from None


def open_map(payload: bytes) -> Image.Image:
    """Read what a stored PNG says before its pixels; raises ValueRejectedError."""
    try:
        return Image.open(io.BytesIO(payload), formats=("PNG",))
    except Exception as error:  # Pillow has a different class for every kind of damage
        raise ValueRejectedError(f"the stored depth map is damaged ({error})") from None


def _declared(unit: str | None) -> str:
    return f'unit "{unit}"' if unit is not None else "the default unit of 16-bit depth, mm,"


def _check_values(values: Depth, unit: str | None, name: str) -> None:
    scale = "declared is no unit" if unit is None else f'the declared unit is "{unit}"'
    expected = f"{scale}, {STORED}"
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise ValueRejectedError(
            f"{name}: {wrong} of {values.size} depths are NaN or infinite; write 0 where there is "
            f"no reading ({expected})"
        )
    wrong = int((values < 0).sum())
    if wrong:
        raise ValueRejectedError(
            f"{name}: {wrong} of {values.size} depths are negative (smallest {values.min():g}); "
            f"write 0 where there is no reading ({expected})"
        )
    if not values.any():
        raise ValueRejectedError(
            f"{name}: every depth is 0, so the map holds no reading at all; leave its row without "
            f"depth ({expected})"
        )


def _scale(values: Depth, unit: str | None, name: str) -> float:
    if unit is not None:
        return millimetres_per_unit(unit)
    if values.dtype.kind != "f" and values.dtype.itemsize > 1:
        return 1.0
    sort = "8-bit" if values.dtype.itemsize == 1 else "floating-point"
    raise ValueRejectedError(
        f"{name}: {sort} depth ({values.min():g} to {values.max():g}) without a declared unit; "
        f"{EXPECTED}; {STORED}"
    )
