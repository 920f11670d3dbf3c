"""The elementwise form over tiles."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.inputs import check_inputs
from polymodal_losses.regression import Power, RegressionOptions, direct_regression
from polymodal_losses.regression_elementwise import elementwise_regression
from polymodal_losses.target_rule import embedding_target
from torch import Tensor

from .reference import unit

WEIGHTS = {("a", "b"): 0.5, ("c", "b"): 2.0}


def case() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    z = {name: unit(61, 8, seed=i) for i, name in enumerate("abc")}
    z["c"][20:40] = z["c"][:20]
    present = {name: torch.rand(61, generator=generator) > 0.2 for name in "ab"}
    return z, present


@pytest.mark.parametrize("shape", [None, (1, 61), (16, 16), (17, 30), (100, 7)])
@pytest.mark.parametrize("rho", [0.0, 0.7, 1.0, 2.0])
def test_any_tiles_give_the_direct_form(rho: float, shape: tuple[int, int] | None) -> None:
    z, present = case()
    found: list[list[Tensor | None]] = []
    totals, parts = [], []
    for tiled in (False, True):
        leaves = {name: value.clone().requires_grad_() for name, value in z.items()}
        inputs = check_inputs(leaves, present=present)
        if tiled:
            target = embedding_target(inputs, 0.9)
            total, part = elementwise_regression(
                inputs, target, weights=WEIGHTS, rho=rho, shape=shape
            )
        else:
            options = RegressionOptions("elementwise", rho, "embeddings", 0.9)
            output = direct_regression(inputs, weights=WEIGHTS, options=options)
            total, part = output.total, dict(output.parts)
        total.backward()
        totals.append(total.item())
        parts.append({pair: value.item() for pair, value in part.items()})
        found.append([leaf.grad for leaf in leaves.values()])
    assert totals[1] == pytest.approx(totals[0], rel=1e-12)
    assert parts[1] == pytest.approx(parts[0], rel=1e-12)
    for direct, tiled_gradient in zip(*found, strict=True):
        torch.testing.assert_close(tiled_gradient, direct, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("power", "ratio"), [("frobenius", 8.0), ("elementwise", 64.0)])
def test_only_an_elementwise_power_balances_a_match_against_the_others(
    power: Power, ratio: float
) -> None:
    # Row 0 misses its match by 0.8 and each of 63 others by 0.1.
    similarities = torch.full((1, 64), 0.1, dtype=torch.float64)
    similarities[0, 0] = 0.2
    similarities.requires_grad_()
    a = torch.cat([similarities, torch.zeros(63, 64, dtype=torch.float64)])
    inputs = check_inputs(
        {"a": a, "b": torch.eye(64).double()}, present={"a": torch.arange(64) < 1}
    )
    weights = {("a", "b"): 1.0}
    direct_regression(inputs, weights=weights, options=RegressionOptions(power)).total.backward()
    assert similarities.grad is not None
    pulls = similarities.grad[0].abs()
    assert float(pulls[0] / pulls[1]) == pytest.approx(ratio)
