"""The search for near-duplicates misses nothing, and finds nothing else."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses import near_duplicates as module
from polymodal_losses.near_duplicates import near_duplicates
from torch import Tensor

from .reference import unit


def brute_force(z: Tensor, threshold: float) -> set[tuple[int, int]]:
    cosines = z.double() @ z.double().T
    pairs = (cosines > threshold).triu(1).nonzero().tolist()
    return {(i, j) for i, j in pairs}


def searched(z: Tensor, threshold: float, **options: tuple[int, int]) -> set[tuple[int, int]]:
    found = near_duplicates(z, threshold, limit=len(z) ** 2, **options)
    assert found is not None
    pairs = [(int(i), int(j)) for i, j in found.T]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def around_the_threshold(
    rows: int, dim: int, *, threshold: float, margin: float, dtype: torch.dtype
) -> Tensor:
    """Vectors each with a partner at a cosine of threshold plus or minus margin, shuffled."""
    z = unit(rows // 2, dim, seed=3)
    side = torch.nn.functional.normalize(
        (side := unit(rows // 2, dim, seed=4)) - (side * z).sum(1, keepdim=True) * z, dim=1
    )
    sign = torch.where(torch.arange(rows // 2) % 2 == 0, 1.0, -1.0).double()
    cosine = (threshold + margin * sign)[:, None]
    partners = cosine * z + (1 - cosine.square()).sqrt() * side
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(0))
    return torch.cat([z, partners])[order].to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [1e-3, 1e-5, 1e-7, 1e-12])
@pytest.mark.parametrize("threshold", [0.99, 0.9])
def test_exact_at_the_edge_of_the_threshold(
    threshold: float, margin: float, dtype: torch.dtype
) -> None:
    z = around_the_threshold(800, 64, threshold=threshold, margin=margin, dtype=dtype)
    expected = brute_force(z, threshold)
    assert searched(z, threshold) == expected
    assert 150 < len(expected) < 250


@pytest.mark.parametrize("concentration", [0.0, 3.0])
@pytest.mark.parametrize("margin", [1e-3, 1e-6])
def test_exact_through_the_projection(
    margin: float, concentration: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = around_the_threshold(1200, 128, threshold=0.99, margin=margin, dtype=torch.float32)
    # A few dominant directions, a common one, and near-duplicates along what is projected away.
    z[:, :24] *= 1 + concentration
    z = torch.nn.functional.normalize(z + concentration / 20, dim=1)
    kept = []
    basis_of = module._basis

    def watched(*arguments: object) -> Tensor | None:
        basis = basis_of(*arguments)  # type: ignore[arg-type]
        kept.append(None if basis is None else basis.shape[1])
        return basis

    monkeypatch.setattr(module, "_basis", watched)
    assert searched(z, 0.99) == brute_force(z, 0.99)
    assert kept[0] is not None
    assert kept[0] <= 64


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (7, 3), (64, 64), (50, 200)])
def test_any_tiles_find_the_same(shape: tuple[int, int]) -> None:
    z = around_the_threshold(60, 16, threshold=0.9, margin=1e-4, dtype=torch.float32)
    assert searched(z, 0.9, shape=shape) == brute_force(z, 0.9)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_exact_where_products_are_told_to_be_less_so(precision: str) -> None:
    z = around_the_threshold(400, 64, threshold=0.99, margin=1e-6, dtype=torch.float32)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert searched(z, 0.99) == brute_force(z, 0.99)
    finally:
        torch.set_float32_matmul_precision(before)


def test_dense_matches_are_counted_until_the_limit() -> None:
    z = torch.nn.functional.normalize(unit(100, 8, seed=1) * 0.02 + torch.ones(8), dim=1)
    assert searched(z, 0.99) == brute_force(z, 0.99)
    every = 100 * 99 // 2
    assert near_duplicates(z, 0.99, limit=every) is not None
    assert near_duplicates(z, 0.99, limit=every - 1) is None


@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_low_thresholds(threshold: float) -> None:
    z = unit(40, 3, seed=5).float()
    assert searched(z, threshold) == brute_force(z, threshold)


def test_lengths_other_than_one_are_honoured() -> None:
    z = unit(1100, 64, seed=6).float() * torch.linspace(0.1, 2.0, 1100)[:, None]
    assert searched(z, 0.99) == brute_force(z, 0.99)
    assert brute_force(z, 0.99)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_rows_without_numbers_hide_no_others(value: float) -> None:
    z = around_the_threshold(600, 64, threshold=0.9, margin=1e-2, dtype=torch.float32)
    z[5] = value
    clean = {pair for pair in brute_force(z, 0.9) if 5 not in pair}
    assert {pair for pair in searched(z, 0.9) if 5 not in pair} == clean


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_have_no_pairs(rows: int) -> None:
    assert searched(unit(rows, 4), 0.5) == set()
