"""Matrix products of tiles, by whichever of torch's libraries multiplies faster on this machine."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch
from torch import Tensor


def product(left: Tensor, right: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Multiply left [m, k] by right [n, k] transposed, into `out` or fresh memory: read the result.

    Either may be the transpose of a contiguous matrix.
    """
    if _takes_onednn(left):
        return _onednn(left, right)
    return torch.mm(left, right.T, out=out) if out is not None else torch.mm(left, right.T)


def add_product(target: Tensor, left: Tensor, right: Tensor, *, alpha: float) -> None:
    """Add alpha times left [m, k] by right [n, k] transposed to target [m, n]."""
    if left.dtype != target.dtype or _takes_onednn(left):
        target.add_(product(left, right), alpha=alpha)
    else:
        target.addmm_(left, right.T, alpha=alpha)


def _takes_onednn(operand: Tensor) -> bool:
    return operand.dtype == torch.float32 and operand.device.type == "cpu" and _prefers_onednn()


def _onednn(left: Tensor, right: Tensor) -> Tensor:
    made: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
    return made


@cache
def _prefers_onednn() -> bool:
    # torch multiplies float32 by MKL, which reserves its wide kernels for Intel's processors. On an
    # AMD EPYC with AVX-512, a core does 80 GFLOP/s by MKL and 180 by oneDNN, which torch has on
    # board as well, for bfloat16 and its compiler. By vendor, not by a stopwatch: two runs of one
    # recipe on one machine must add in the same order.
    available = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()
    return available and hasattr(torch.ops.mkldnn, "_linear_pointwise") and not _is_intel()


def _is_intel() -> bool:
    described = platform.processor()
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        described += listing.read_text(errors="replace")
    return "Intel" in described
