"""Tiles of a pair's logits."""

from __future__ import annotations

import math

import pytest
import torch
from polymodal_losses.pair_rows import pair_rows
from polymodal_losses.pair_tiles import LOG2_E, PackedColumn, PairTiles
from polymodal_losses.tiles import TileBuffers
from torch import Tensor

from .reference import unit

PRESENT_A = torch.tensor([1, 1, 0, 1, 1, 0, 1]).bool()
PRESENT_B = torch.tensor([1, 0, 1, 1, 1, 1, 0]).bool()
POSITIVES = [(0, 0), (2, 2), (3, 3)]  # rows 0, 3 and 4, by their places among the present
Z = {"a": unit(7, 6, seed=1)[PRESENT_A], "b": unit(7, 6, seed=2)[PRESENT_B]}


def make(shape: tuple[int, int], groups: Tensor | None = None, *, half: bool = False) -> PairTiles:
    def column(name: str, present: Tensor) -> PackedColumn:
        z = Z[name].float() if half else Z[name]
        return PackedColumn(
            z=z,
            operand=(2.0 * z).bfloat16() if half else z,
            factor=2.0 if half else 1.0,
            norm=1.0 + 1e-6,
            groups=None if groups is None else groups[present],
        )

    cpu = torch.device("cpu")
    left, right = column("a", PRESENT_A), column("b", PRESENT_B)
    rows = pair_rows(PRESENT_A, PRESENT_B, device=cpu)
    return PairTiles(left, right, rows, scale=7.0, buffers=TileBuffers(shape, cpu))


def whole(tiles: PairTiles, block_of: object) -> Tensor:
    out = torch.full((5, 5), math.nan, dtype=torch.float64)
    for index, tile in enumerate(tiles.tiles):
        out[tile.rows, tile.columns] = block_of(index).double()  # type: ignore[operator]
    return out


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 5)])
def test_exponents_are_logits_in_base_2(shape: tuple[int, int]) -> None:
    tiles = make(shape)
    logits = 7.0 * Z["a"] @ Z["b"].T
    for shift in (0.0, 3.0):
        found = whole(tiles, lambda index, shift=shift: tiles.exponents(index, shift=shift))
        torch.testing.assert_close(found.exp2(), (logits - shift).exp(), rtol=1e-12, atol=0)
    expected = torch.stack([logits[place] for place in POSITIVES])
    torch.testing.assert_close(tiles.positive, expected, rtol=1e-12, atol=0)
    assert bool((logits.abs() <= tiles.bound).all())


def test_exponents_of_bfloat16_operands_are_close() -> None:
    tiles = make((2, 3), half=True)
    logits = 7.0 * Z["a"] @ Z["b"].T
    found = whole(tiles, tiles.exponents) / LOG2_E
    assert float((found - logits).abs().max()) < 7.0 * 2**-7
    assert bool((found.abs() <= tiles.bound).all())


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 5)])
def test_positives_and_false_negatives_are_excluded(shape: tuple[int, int]) -> None:
    groups = torch.tensor([4, 5, 4, 4, 6, 7, 5])
    tiles = make(shape, groups)

    def excluded(index: int) -> Tensor:
        block = torch.zeros(tiles.tiles[index].shape, dtype=torch.float64)
        tiles.exclude(index, block, 1.0)
        return block

    same = (groups[PRESENT_A][:, None] == groups[PRESENT_B]).double()
    assert torch.equal(whole(tiles, excluded), same)  # a positive is of its own group

    def positives(index: int) -> Tensor:
        block = torch.zeros(tiles.tiles[index].shape, dtype=torch.float64)
        tiles.put_positives(index, block, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
        return block

    expected = torch.zeros(5, 5, dtype=torch.float64)
    for number, place in enumerate(POSITIVES, start=1):
        expected[place] = number
    assert torch.equal(whole(tiles, positives), expected)


@pytest.mark.parametrize("half", [False, True])
def test_gradients_of_logits_become_gradients_of_vectors(half: bool) -> None:
    tiles = make((2, 3), half=half)
    upstream = unit(5, 5, seed=3)
    dtype = tiles.a.z.dtype
    to_a, to_b = torch.zeros(5, 6, dtype=dtype), torch.zeros(5, 6, dtype=dtype)
    for index, tile in enumerate(tiles.tiles):
        block = upstream[tile.rows, tile.columns].to(dtype).contiguous()
        tiles.add_gradient(index, block, to_a=to_a, to_b=to_b, weight=0.5)
        tiles.add_gradient(index, block, to_a=None, to_b=None, weight=0.5)
    tolerance = 0.03 if half else 1e-12
    torch.testing.assert_close(to_a.double(), 3.5 * upstream @ Z["b"], rtol=0, atol=tolerance)
    torch.testing.assert_close(to_b.double(), 3.5 * upstream.T @ Z["a"], rtol=0, atol=tolerance)
