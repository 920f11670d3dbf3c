"""The regression target as an operator equals its matrix."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.compared_target import ComparedTarget
from polymodal_losses.inputs import PairwiseInputs, check_inputs
from polymodal_losses.partition import partition, union
from polymodal_losses.target import StructuredTarget, Target
from polymodal_losses.target_rule import embedding_target
from polymodal_losses.tiles import Tile, tiles
from torch import Tensor

from .reference import unit

BATCH = 24


def matrix(target: Target, batch: int = BATCH) -> Tensor:
    everything = slice(0, batch)
    out = torch.full((batch, batch), float("nan"), dtype=torch.float64)
    return target.tile(Tile(everything, everything), out)


def structured() -> tuple[StructuredTarget, Tensor]:
    rows = torch.arange(BATCH)
    columns = [rows // 6, rows % 5, torch.where(rows < 8, rows // 2, rows)]
    extras = torch.tensor([[0, 3, 1], [23, 10, 20]])
    expected = torch.eye(BATCH, dtype=torch.float64)
    for ids in columns:
        expected[ids[:, None] == ids] = 1.0
    expected[extras[0], extras[1]] = expected[extras[1], extras[0]] = 1.0
    return StructuredTarget(union([partition(ids) for ids in columns]), extras), expected


def repeating_inputs() -> PairwiseInputs:
    prototypes = unit(4, 8, seed=1)[torch.arange(BATCH) % 4]
    speech = unit(BATCH, 8, seed=2)
    speech[5], speech[9] = speech[3], -speech[3]
    generator = torch.Generator().manual_seed(0)
    present = {name: torch.rand(BATCH, generator=generator) > 0.3 for name in ("p", "s")}
    return check_inputs({"p": prototypes, "s": speech}, present=present)


def test_structure_is_written_out_right() -> None:
    target, expected = structured()
    assert torch.equal(matrix(target), expected)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (7, 5), (24, 24)])
def test_any_tile_is_a_part_of_the_matrix(shape: tuple[int, int]) -> None:
    inputs = repeating_inputs()
    for target in (structured()[0], ComparedTarget(inputs, 0.5)):
        whole = matrix(target)
        for tile in tiles(BATCH, BATCH, shape):
            out = torch.full(tile.shape, float("nan"), dtype=torch.float64)
            assert torch.equal(target.tile(tile, out), whole[tile.rows, tile.columns])


@pytest.mark.parametrize("shape", [None, (1, 1), (5, 7), (7, 5), (24, 24)])
def test_products_equal_those_with_the_matrix(shape: tuple[int, int] | None) -> None:
    values = [unit(BATCH, 5, seed=1), unit(BATCH, 1, seed=2)]
    compared = ComparedTarget(repeating_inputs(), 0.5, shape=shape)
    for target in (structured()[0], compared):
        before = [value.clone() for value in values]
        for value, found in zip(values, target.products(values), strict=True):
            torch.testing.assert_close(found, matrix(target) @ value, rtol=1e-12, atol=1e-12)
        assert all(torch.equal(*both) for both in zip(before, values, strict=True))


def test_comparing_and_searching_find_the_same_matches() -> None:
    inputs = repeating_inputs()
    searched = embedding_target(inputs, 0.99)
    assert isinstance(searched, StructuredTarget)
    assert torch.equal(matrix(searched), matrix(ComparedTarget(inputs, 0.99)))
    assert float(matrix(searched).sum()) > BATCH + 20


def test_class_sums_of_many_rows_accumulate_in_float64() -> None:
    batch = 5000
    target = StructuredTarget(
        union([partition(torch.zeros(batch, dtype=torch.int64))]),
        torch.zeros((2, 0), dtype=torch.int64),
    )
    value = (unit(batch, 2, seed=1) + 100).float()
    found = target.products([value])[0].double()
    exact = value.double().sum(0).expand(batch, 2)
    torch.testing.assert_close(found, exact, rtol=2e-7, atol=0)
