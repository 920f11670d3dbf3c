"""All pairs of rows whose product exceeds a threshold, without a matrix of all products.

Every pair is examined through an upper bound of its product. With P an orthonormal projection and
`r` the length of what it drops, `<x, y> <= <Px, Py> + r(x) r(y)` (Cauchy and Schwarz): the product
of the short vectors `[Px, r(x)]`. Where the vectors spread over few enough directions, that bound
costs a fraction of the product itself; where they do not, the vectors stand for themselves. What
the bound leaves over is computed in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from polymodal_losses.tile_product import product
from polymodal_losses.tiles import Tile, TileBuffers, TileShape, spans, tile_shape, upper_tiles

_STEP = 16
_ROWS = 1024
# Squared distance within the projection, on average over pairs, in units of the largest that a
# match may have. At 12, next to no pair of normally distributed vectors is left over.
_SPREAD = 12.0


def near_duplicates(
    z: Tensor, threshold: float, *, limit: int, shape: TileShape | None = None
) -> Tensor | None:
    """Find all i < j with <z[i], z[j]> > threshold in float64, as indices [2, found].

    None where there are more than `limit`. Misses nothing, whatever the lengths of the rows of
    z [rows, dim]. Raises nothing: rows that hold NaN match no row.
    """
    if len(z) < 2:
        return torch.zeros((2, 0), dtype=torch.int64, device=z.device)
    short, slack = _bounding_vectors(z, threshold)
    shape = shape or tile_shape(len(z), len(z), device=z.device)
    buffers = TileBuffers(shape, z.device)
    found: list[Tensor] = []
    count = 0
    for tile in upper_tiles(len(z), shape):
        out = buffers.take("bound", tile.shape, short.dtype)
        bound = product(short[tile.rows], short[tile.columns], out=out)
        pairs = _matches_in_tile(z, bound, tile, threshold=threshold, slack=slack)
        found.append(pairs)
        count += pairs.shape[1]
        if count > limit:
            return None
    return torch.cat(found, dim=1)


def _matches_in_tile(
    z: Tensor, bound: Tensor, tile: Tile, *, threshold: float, slack: float
) -> Tensor:
    # A maximum over floats passes ten times faster than a comparison: most rows end here. A row
    # that holds NaN has a maximum of NaN, and must not hide the others.
    square = max(0, min(tile.rows.stop, tile.columns.stop) - tile.columns.start)
    bound[:, :square].triu_(1 + tile.rows.start - tile.columns.start)
    rows = (~(bound.amax(dim=1) <= threshold - slack)).nonzero().flatten()
    if len(rows) == 0:
        return torch.zeros((2, 0), dtype=torch.int64, device=z.device)
    left, right = z[tile.rows], z[tile.columns]
    candidates = bound[rows] > threshold - slack
    if int(candidates.sum()) * 8 > candidates.numel():
        # So many that whole products in float64 are cheaper than one by one.
        exact = left[rows].double() @ right.double().T
        i, j = (candidates & (exact > threshold)).nonzero().unbind(dim=1)
        i = rows[i]
    else:
        i, j = candidates.nonzero().unbind(dim=1)
        i = rows[i]
        matches = [
            (left[i[part]].double() * right[j[part]].double()).sum(dim=1) > threshold
            for part in spans(len(i), _ROWS)
        ]
        keep = torch.cat(matches) if matches else torch.zeros_like(i, dtype=torch.bool)
        i, j = i[keep], j[keep]
    pairs = torch.stack([i + tile.rows.start, j + tile.columns.start])
    return pairs[:, pairs[0] < pairs[1]]


def _bounding_vectors(z: Tensor, threshold: float) -> tuple[Tensor, float]:
    """Give vectors whose products bound those of z from above, and what rounding may take off."""
    squared = torch.linalg.vector_norm(z, dim=1, dtype=torch.float64).square()
    longest = float(torch.where(squared.isfinite(), squared, 0.0).max())
    slack = _rounding(z.shape[1] + _STEP, z) * longest
    basis = _basis(z, 2 * (longest - threshold + slack))
    if basis is None:
        return z, slack
    parts = []
    for rows in spans(len(z), _ROWS):
        x = z[rows].double()
        projected = x @ basis
        rest = (x.square().sum(dim=1) - projected.square().sum(dim=1)).clamp(min=0).sqrt()
        parts.append(torch.cat([projected, rest[:, None]], dim=1).to(z.dtype))
    return torch.cat(parts), slack


def _basis(z: Tensor, match: float) -> Tensor | None:
    """Choose the fewest principal directions [dim, kept] that tell most pairs apart.

    `match` is the largest squared distance of a match. None where that would not pay.
    """
    dim = z.shape[1]
    if dim < 4 * _STEP or len(z) < 8 * dim or match * _SPREAD >= 2:
        return None
    # Any basis bounds; one from a sample of the rows bounds as tightly as one from them all.
    sample = z[:: len(z) // (4 * dim)].double()
    sample = sample - sample.mean(dim=0)
    covariance = sample.T @ sample / len(sample)
    if not bool(covariance.isfinite().all()):
        return None
    variances, directions = torch.linalg.eigh(covariance)
    distances = 2 * variances.flip(0).cumsum(0)
    enough = int((distances < _SPREAD * match).sum()) + 1
    kept = -(-enough // _STEP) * _STEP
    return directions[:, -kept:] if kept <= dim // 2 else None


def _rounding(terms: int, z: Tensor) -> float:
    """Bound the error of a product of unit vectors with that many terms, computed as z is."""
    unit = torch.finfo(z.dtype).eps
    return 2 * (terms + 4) * unit + (0.0 if _multiplies_in_full(z) else 2.0**-7)


def _multiplies_in_full(z: Tensor) -> bool:
    # Products of float32 may have been told to cut their operands to bfloat16 or TF32.
    if z.dtype == torch.float64:
        return True
    if z.device.type != "cpu":
        return False
    try:
        return torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # torch's answer where the newer per-library setting is in use
        return False
