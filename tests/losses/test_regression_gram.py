"""The Frobenius form by Gram matrices: precision, scale, and what it does not form."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.inputs import check_inputs
from polymodal_losses.regression import RegressionOptions, direct_regression
from polymodal_losses.regression_gram import gram_regression
from polymodal_losses.target_rule import group_target
from torch import Tensor

from .reference import unit

PAIR = {("a", "b"): 1.0}


def gram(z: dict[str, Tensor], groups: Tensor | None, rho: float = 1.0) -> Tensor:
    inputs = check_inputs(z, groups=groups)
    target = group_target(inputs.groups, batch=inputs.batch, device=inputs.device)
    return gram_regression(inputs, target, weights=PAIR, rho=rho)[0]


@pytest.mark.parametrize("groups", [None, torch.arange(3000) % 40])
def test_float32_is_exact_to_1e_6_of_what_cancels(groups: Tensor | None) -> None:
    z = {"a": unit(3000, 32, seed=1), "b": unit(3000, 32, seed=2)}
    single = {name: value.float() for name, value in z.items()}
    exact = {name: value.double() for name, value in single.items()}
    s = exact["a"] @ exact["b"].T
    t = torch.eye(3000) if groups is None else (groups[:, None] == groups).double()
    squared = ((s - t) ** 2).sum()
    found = gram(single, groups, rho=0.0)
    assert found.dtype == torch.float32
    cancelling = float((s * s).sum() + t.sum())
    assert abs(found.item() - squared.item()) < 1e-6 * cancelling
    assert gram(exact, groups, rho=0.0).item() == pytest.approx(squared.item(), rel=1e-12)


def test_near_the_optimum_the_squared_norm_is_never_negative() -> None:
    classes = torch.arange(2000) % 8
    axes = torch.linalg.qr(unit(8, 8, seed=1))[0].float()[classes]
    z = {name: axes.clone().requires_grad_() for name in "ab"}
    total = gram(z, classes)
    total.backward()
    norm = 8 * 250.0**2
    assert 0 <= total.item() < (1e-6 * norm) ** 1.5
    assert all(bool(v.grad.isfinite().all()) for v in z.values() if v.grad is not None)


def test_gradients_of_unwanted_columns_are_not_formed() -> None:
    z = {"a": unit(20, 4, seed=1).requires_grad_(), "b": unit(20, 4, seed=2)}
    gram(z, None).backward()
    assert z["a"].grad is not None
    assert z["b"].grad is None
    with torch.no_grad():
        assert not gram(z, None).requires_grad


def test_gradients_of_a_batch_of_several_chunks() -> None:
    generator = torch.Generator().manual_seed(0)
    batch = 2500
    groups = torch.randint(-1, 200, (batch,), generator=generator)
    found = []
    present = {name: torch.rand(batch, generator=generator) > 0.1 for name in "ab"}
    for tiled in (False, True):
        z = {"a": unit(batch, 8, seed=1).requires_grad_(), "b": unit(batch, 8, seed=2)}
        inputs = check_inputs(z, present=present, groups=groups)
        if tiled:
            target = group_target(inputs.groups, batch=batch, device=inputs.device)
            total, _ = gram_regression(inputs, target, weights=PAIR, rho=1.0)
        else:
            options = RegressionOptions("frobenius")
            total = direct_regression(inputs, weights=PAIR, options=options).total
        total.backward()
        found.append((total.item(), z["a"].grad))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-12)
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-10, atol=1e-8)
