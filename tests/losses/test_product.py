"""The product of the direct forms, and its derivatives."""

from __future__ import annotations

import torch
from polymodal_losses.product import full_precision_product

from .reference import unit


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    a, b = unit(3, 4, seed=1).requires_grad_(), unit(2, 4, seed=2).requires_grad_()
    assert torch.equal(full_precision_product(a, b), a @ b.T)
    assert torch.autograd.gradcheck(full_precision_product, (a, b))
    assert torch.autograd.gradgradcheck(full_precision_product, (a, b))


def test_autocast_around_backward_does_not_reach_the_gradient() -> None:
    a, b = unit(8, 16, seed=1).float().requires_grad_(), unit(8, 16, seed=2).float()
    upstream = unit(8, 8, seed=3).float()
    (expected,) = torch.autograd.grad(full_precision_product(a, b), a, upstream)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (plain,) = torch.autograd.grad(a @ b.T, a, upstream.bfloat16())
        (found,) = torch.autograd.grad(full_precision_product(a, b), a, upstream)
    assert torch.equal(found, expected)
    assert not torch.allclose(plain, expected, rtol=1e-4)  # autocast does reach a plain product


def test_inputs_without_gradient_get_none() -> None:
    a, b = unit(3, 4, seed=1), unit(2, 4, seed=2).requires_grad_()
    full_precision_product(a, b).sum().backward()
    assert a.grad is None
    assert b.grad is not None
    assert torch.allclose(b.grad, a.sum(0).expand(2, 4))
