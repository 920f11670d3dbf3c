"""Gradients that are formed together with their scalar."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.formed_gradients import with_formed_gradients
from torch import Tensor


class SumOfSquares:
    """Records which gradients it was asked for."""

    def __init__(self, *inputs: Tensor) -> None:
        self.inputs = inputs
        self.asked: list[list[bool]] = []

    def __call__(self, wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
        self.asked.append(list(wanted))
        assert not torch.is_autocast_enabled("cpu")
        total = torch.stack([x.square().sum() for x in self.inputs]).sum()
        return total, [2 * x if w else None for x, w in zip(self.inputs, wanted, strict=True)]


def test_backward_scales_what_forward_formed() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compute = SumOfSquares(x)
    scalar = with_formed_gradients(compute, [x])
    (3 * scalar).backward(retain_graph=True)
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 12.0]
    scalar.backward()  # what was saved is unharmed by the first pass
    assert x.grad.tolist() == [8.0, 16.0]
    assert compute.asked == [[True]]


def test_unscaled_gradients_of_two_losses_do_not_run_into_each_other() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 1.0  # no leaf: its gradients meet in the engine's own buffer
    first = with_formed_gradients(SumOfSquares(y), [y])
    (first + 5 * y.sum()).backward(retain_graph=True)
    first.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [9.0, 9.0]  # 2 + 5, then 2


def test_only_gradients_that_can_be_asked_for_are_formed() -> None:
    x, y = torch.ones(2, requires_grad=True), torch.ones(2)
    compute = SumOfSquares(x, y)
    with_formed_gradients(compute, [x, y]).backward()
    with torch.no_grad():
        assert not with_formed_gradients(compute, [x, y]).requires_grad
    assert with_formed_gradients(SumOfSquares(y), [y]).item() == 2.0
    assert compute.asked == [[True, False], [False, False]]


def test_a_second_derivative_is_refused() -> None:
    x = torch.ones(2, requires_grad=True)
    for factor in (1.0, 2.0):
        scalar = factor * with_formed_gradients(SumOfSquares(x), [x])
        (first,) = torch.autograd.grad(scalar, x, create_graph=True)
        assert first.tolist() == [2 * factor, 2 * factor]
        with pytest.raises(ObjectiveError, match=r"cannot be differentiated twice"):
            (first.sum() + x.sum()).backward()


def test_autocast_is_off_inside() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with_formed_gradients(SumOfSquares(x), [x])
        with torch.no_grad():
            with_formed_gradients(SumOfSquares(x), [x])
