"""The one check of shapes at package borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    from torch import Tensor


class ShapeError(PolymodalError):
    """A tensor has other axes than the receiver needs."""


def check_shape(name: str, tensor: Tensor, axes: str, **sizes: int) -> dict[str, int]:
    """Check `tensor` against named `axes` ("batch dim") and the `sizes` already known.

    Returns all sizes, so that the next call can require the same: equal names, equal sizes.
    Raises ShapeError that names the tensor, the axes wanted and the shape given.
    """
    names = axes.split()
    shape = tuple(tensor.shape)
    if len(shape) != len(names):
        raise ShapeError(f"{name} has shape {list(shape)}; wanted axes [{', '.join(names)}]")
    found = dict(sizes)
    for axis, size in zip(names, shape, strict=True):
        if found.setdefault(axis, size) != size:
            raise ShapeError(
                f"{name} has shape {list(shape)}: axis '{axis}' is {size}; wanted {found[axis]}"
            )
    return found
