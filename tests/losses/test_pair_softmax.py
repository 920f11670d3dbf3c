"""The two ways to a softmax over tiles, and when each is taken."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from polymodal_losses.pair_rows import pair_rows
from polymodal_losses.pair_softmax import ConstantShift, PairSoftmax, RunningMaximum, pair_softmax
from polymodal_losses.pair_tiles import PackedColumn, PairTiles
from polymodal_losses.tiles import TileBuffers
from torch import Tensor

from .reference import unit


def packed(z: Tensor, groups: Tensor | None = None) -> PackedColumn:
    return PackedColumn(z=z, operand=z, factor=1.0, norm=float(z.norm(dim=1).max()), groups=groups)


def tiles_of(
    a: Tensor, b: Tensor, scale: float, shape: tuple[int, int] = (4, 5), **groups: Tensor
) -> PairTiles:
    rows = pair_rows(
        torch.ones(len(a), dtype=torch.bool), torch.ones(len(b), dtype=torch.bool), device=a.device
    )
    left, right = packed(a, groups.get("groups")), packed(b, groups.get("groups"))
    return PairTiles(left, right, rows, scale=scale, buffers=TileBuffers(shape, a.device))


def gradient(softmax: PairSoftmax, tiles: PairTiles) -> Tensor:
    whole = torch.full((len(tiles.a.z), len(tiles.b.z)), float("nan"), dtype=tiles.a.z.dtype)
    for index, tile in enumerate(tiles.tiles):
        whole[tile.rows, tile.columns] = softmax.gradient(index)
    return whole


@pytest.mark.parametrize("way", [ConstantShift, RunningMaximum])
@pytest.mark.parametrize("shape", [(4, 5), (1, 1), (11, 11)])
def test_both_ways_equal_the_definition(
    way: type[ConstantShift] | type[RunningMaximum], shape: tuple[int, int]
) -> None:
    a, b = unit(11, 6, seed=1), unit(11, 6, seed=2)
    groups = torch.arange(11) // 2
    tiles = tiles_of(a, b, 20.0, shape, groups=groups)
    softmax = way(tiles)
    logits = (20.0 * a @ b.T).requires_grad_()
    same = groups[:, None] == groups
    masked = logits.masked_fill(same.fill_diagonal_(False), -torch.inf)
    losses = masked.logsumexp(0) + masked.logsumexp(1) - 2 * masked.diagonal()
    losses.sum().backward()
    assert logits.grad is not None
    torch.testing.assert_close(softmax.loss, losses.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(gradient(softmax, tiles), logits.grad, rtol=1e-10, atol=1e-12)


def test_usual_scales_take_one_exponential_large_ones_the_running_maximum() -> None:
    a, b = unit(11, 6, seed=1).float(), unit(11, 6, seed=2).float()
    taken = [type(pair_softmax(tiles_of(a, b, scale))) for scale in (1.0, 14.0, 100.0, 1000.0)]
    assert taken == [ConstantShift, ConstantShift, ConstantShift, RunningMaximum]
    assert type(pair_softmax(tiles_of(a.double(), b.double(), 100.0))) is ConstantShift


def test_a_row_far_from_all_others_makes_the_constant_shift_unreliable() -> None:
    # At the largest learnable scale, a row whose best cosine is -0.9 sums to exp(-115) beside one
    # of exp(75): float32 holds no such pair of numbers.
    b = torch.nn.functional.normalize(
        torch.cat([torch.ones(10, 1), 0.3 * unit(10, 5, seed=1).float()], 1), dim=1
    )
    a = b.clone()
    a[0] = -b.mean(0) / b.mean(0).norm()
    tiles = tiles_of(a, b, 100.0)
    assert not ConstantShift(tiles).is_reliable
    softmax = pair_softmax(tiles)
    assert isinstance(softmax, RunningMaximum)
    logits = 100.0 * a.double() @ b.double().T
    losses = logits.logsumexp(0) + logits.logsumexp(1) - 2 * logits.diagonal()
    torch.testing.assert_close(softmax.loss.double(), losses, rtol=1e-5, atol=1e-6)
    expected = logits.softmax(0) + logits.softmax(1) - 2 * torch.eye(10)
    found = gradient(softmax, tiles).double()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    assert bool(found.isfinite().all())


def test_the_two_ways_meet_where_both_are_reliable() -> None:
    a, b = unit(30, 16, seed=1), unit(30, 16, seed=2)
    constants = []
    for scale in (30.0, 60.0, 90.0):
        tiles = tiles_of(a, b, scale, (7, 9))
        one, other = ConstantShift(tiles), RunningMaximum(tiles)
        assert one.is_reliable
        torch.testing.assert_close(one.loss, other.loss, rtol=1e-10, atol=1e-12)
        constants.append(float(one.loss.sum()))
    assert all(low < high for low, high in pairwise(constants))
