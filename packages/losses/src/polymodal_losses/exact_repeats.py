"""Rows that repeat each other exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from polymodal_losses.partition import first_rows
from polymodal_losses.tiles import spans

_ROWS = 1024


def first_equal_rows(z: Tensor) -> Tensor:
    """Give for each row of z [rows, dim] the first row with the same bits, or the row itself.

    Rows are hashed, and every row is then compared with the first of its hash: no row is ever taken
    for another. (Should two different vectors share a hash, repeats of the later one count as
    different rows; the search for near-duplicates finds them all the same.)
    """
    own = torch.arange(len(z), device=z.device)
    if len(z) < 2:
        return own
    _, inverse = torch.unique(_hashes(z), return_inverse=True)
    first = first_rows(inverse)[inverse]
    for rows in spans(len(z), _ROWS):
        equal = (z[rows] == z[first[rows]]).all(dim=1)
        first[rows] = torch.where(equal, first[rows], own[rows])
    return first


def _hashes(z: Tensor) -> Tensor:
    bits = z.contiguous().view(torch.int64 if z.dtype == torch.float64 else torch.int32)
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(-(2**62), 2**62, (z.shape[1],), generator=generator) * 2 + 1
    factors = factors.to(z.device)
    # Integers add up to the same in any order: equal rows hash alike wherever they stand.
    return torch.cat([(bits[rows] * factors).sum(dim=1) for rows in spans(len(z), _ROWS)])
