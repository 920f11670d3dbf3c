"""SigLIP as a module: where it starts, what it learns, and its limits."""

from __future__ import annotations

import math

import pytest
import torch
from polymodal_core.testing import check_objective
from polymodal_losses import SigLIP
from polymodal_losses.config import SigLIPConfig
from polymodal_losses.errors import ObjectiveError
from torch.nn.functional import logsigmoid, normalize

from .reference import unit


def test_is_algorithm_1_of_the_paper() -> None:
    a, b = unit(8, 5, seed=1), unit(8, 5, seed=2)
    loss = SigLIP().double()
    logits = a @ b.T * math.exp(loss.logit_scale.item()) - 10.0
    labels = 2 * torch.eye(8, dtype=torch.float64) - 1
    expected = -logsigmoid(labels * logits).sum() / 8
    assert loss({"image": a, "text": b}).total.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.logit_scale.item() == pytest.approx(math.log(10.0), rel=1e-6)
    assert loss.temperature == pytest.approx(0.1, rel=1e-6)
    assert {name for name, _ in loss.named_parameters()} == {"logit_scale", "bias"}


def test_a_fixed_scale_and_bias_are_no_parameters() -> None:
    loss = SigLIP(0.2, -3.0, learnable=False)
    assert list(loss.parameters()) == []
    assert {name for name, _ in loss.named_buffers()} == {"logit_scale", "bias"}


@pytest.mark.parametrize("form", ["direct", "tiled"])
def test_training_with_it_aligns_two_columns(form: str) -> None:
    generator = torch.Generator().manual_seed(0)
    secret = torch.randn(64, 6, generator=generator)
    left, right = (secret @ torch.randn(6, 10, generator=generator) for _ in range(2))
    torch.manual_seed(1)
    towers = torch.nn.ModuleList(torch.nn.Linear(10, 8) for _ in range(2))
    loss = SigLIPConfig.model_validate({"form": form}).build()
    optimiser = torch.optim.Adam([*towers.parameters(), *loss.parameters()], lr=0.03)
    for _ in range(150):
        z = {n: normalize(t(x), dim=1) for n, t, x in zip("ab", towers, (left, right), strict=True)}
        out = loss(z)
        optimiser.zero_grad()
        out.total.backward()
        optimiser.step()
    nearest = (z["a"] @ z["b"].T).argmax(dim=1)
    assert (nearest == torch.arange(64)).float().mean() > 0.9
    assert loss.temperature < 0.1
    assert loss.bias.item() != -10.0


def test_the_scale_comes_back_from_beyond_its_limit() -> None:
    loss = SigLIP()
    with torch.no_grad():
        loss.logit_scale.fill_(9.0)
    loss({"a": unit(4, 3, seed=1), "b": unit(4, 3, seed=2)})
    assert loss.logit_scale.item() == pytest.approx(math.log(100.0))


def test_keeps_the_contract_of_objectives() -> None:
    check_objective(SigLIPConfig())
    check_objective(SigLIPConfig(), columns=["image", "text", "depth"])
    check_objective(SigLIPConfig.model_validate({"form": "tiled", "learnable": False}))


@pytest.mark.parametrize("bias", [math.nan, math.inf])
def test_a_bias_that_is_no_number_is_refused(bias: float) -> None:
    with pytest.raises(ObjectiveError, match="wanted a finite number"):
        SigLIP(0.1, bias)
