"""Rows that repeat exactly."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses import exact_repeats
from polymodal_losses.exact_repeats import first_equal_rows

from .reference import unit


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_rows_find_their_first(dtype: torch.dtype) -> None:
    order = torch.tensor([3, 0, 3, 1, 0, 0, 2])
    z = unit(4, 6, seed=1).to(dtype)[order]
    assert first_equal_rows(z).tolist() == [0, 1, 0, 3, 1, 1, 6]


def test_the_last_bit_tells_rows_apart() -> None:
    z = unit(1, 6, seed=1).float().repeat(3, 1)
    z[1, 4] = torch.nextafter(z[1, 4], torch.tensor(2.0))
    assert first_equal_rows(z).tolist() == [0, 1, 0]


def test_rows_of_one_hash_are_still_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    z = unit(3, 4, seed=1)[torch.tensor([0, 1, 0, 2, 1])]
    monkeypatch.setattr(exact_repeats, "_hashes", lambda z: torch.zeros(len(z)).long())
    assert first_equal_rows(z).tolist() == [0, 1, 0, 3, 4]  # later repeats are missed, not mistaken


def test_many_rows_of_a_strided_tensor() -> None:
    z = unit(2500, 8, seed=2).float()
    z[1200:2400] = z[:1200].clone()
    expected = torch.arange(2500)
    expected[1200:2400] -= 1200
    assert torch.equal(first_equal_rows(z.T.contiguous().T), expected)


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_repeat(rows: int) -> None:
    assert first_equal_rows(unit(rows, 4)).tolist() == list(range(rows))
