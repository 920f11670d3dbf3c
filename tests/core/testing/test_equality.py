"""Equality and closeness of what plug-ins return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.testing.equality import close, same, tensors_in

NAN = float("nan")


@dataclass
class Pair:
    """Two values."""

    first: Any
    seconds: float = 0.0


class Picture:
    """Something that offers the array interface, as PIL's pictures do."""

    def __init__(self, value: int) -> None:
        self.array = np.full((2, 2), value, dtype=np.uint8)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        interface: dict[str, Any] = self.array.__array_interface__
        return interface


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (NAN, NAN, True),
        ("a", "a", True),
        ([1, (2, 3)], [1, (2, 3)], True),
        ([1], [1, 2], False),
        ({"a": [NAN]}, {"a": [NAN]}, True),
        ({"a": 1}, {"b": 1}, False),
        (np.array([1.0, NAN]), np.array([1.0, NAN]), True),
        (np.array([1.0]), np.array([1.0], dtype=np.float32), False),
        (np.array([1, 2]), np.array([[1, 2]]), False),
        (torch.tensor([1.0]), torch.tensor([1.0]), True),
        (torch.tensor([1.0]), torch.tensor([2.0]), False),
        (Picture(3), Picture(3), True),
        (Picture(3), Picture(4), False),
        (Pair(np.zeros(2)), Pair(np.zeros(2)), True),
        (Pair(1, 2.0), Pair(1, 3.0), False),
        (np.float32(1), np.float32(1), True),
    ],
)
def test_same(first: Any, second: Any, equal: bool) -> None:
    assert same(first, second) is equal


def test_fields_may_be_left_out() -> None:
    assert same([Pair(1, 2.0)], [Pair(1, 3.0)], ignore=frozenset({"seconds"}))


def test_close_is_relative_to_the_largest_number() -> None:
    one = torch.tensor([1000.0, 1.0])
    assert close(one, one + 0.05, tolerance=1e-4)
    assert not close(one, one + 0.5, tolerance=1e-4)
    assert not close(torch.tensor([0.1]), torch.tensor([0.2]), tolerance=1e-4)
    assert not close(one, one[:1], tolerance=1.0)
    assert close(torch.zeros(0), torch.zeros(0), tolerance=0.0)


def test_leaves_have_paths() -> None:
    inputs = {"ids": torch.zeros(1), "more": [torch.ones(1), "x"]}
    assert [path for path, _ in tensors_in(inputs)] == [
        "inputs.ids",
        "inputs.more.0",
        "inputs.more.1",
    ]
