"""Projection heads against the formulas of definitions, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.heads import ProjectionHead
from polymodal_core.shapes import ShapeError
from torch import Tensor

FEATURES = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def head(kind: str, **options: Any) -> tuple[ProjectionHead, dict[str, Tensor]]:
    torch.manual_seed(1)
    built = ProjectionHead(kind, **{"feature_dim": 6, "dim": 4, "hidden": 3, **options}).double()
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    return built, dict(built.named_parameters())


def unit(vectors: Tensor) -> Tensor:
    return vectors / (vectors**2).sum(dim=1, keepdim=True) ** 0.5


def test_linear() -> None:
    built, w = head("linear")
    expected = unit(FEATURES @ w["projection.weight"].T + w["projection.bias"])
    torch.testing.assert_close(built(FEATURES), expected)


def test_mlp_is_w2_relu_w1() -> None:
    built, w = head("mlp")
    hidden = (FEATURES @ w["projection.0.weight"].T + w["projection.0.bias"]).clamp(min=0)
    expected = unit(hidden @ w["projection.3.weight"].T + w["projection.3.bias"])
    torch.testing.assert_close(built(FEATURES), expected)
    assert w["projection.0.weight"].shape == (3, 6)


def test_residual_is_linear_then_a_block_with_its_norm_last() -> None:
    built, w = head("residual")
    x = FEATURES @ w["projection.0.weight"].T + w["projection.0.bias"]
    inner = x @ w["projection.1.feed_forward.0.weight"].T + w["projection.1.feed_forward.0.bias"]
    inner = 0.5 * inner * (1 + torch.erf(inner / 2**0.5))
    x = (
        x
        + inner @ w["projection.1.feed_forward.3.weight"].T
        + w["projection.1.feed_forward.3.bias"]
    )
    centred = x - x.mean(dim=1, keepdim=True)
    x = centred / ((centred**2).mean(dim=1, keepdim=True) + 1e-5) ** 0.5
    expected = unit(x * w["projection.1.norm.weight"] + w["projection.1.norm.bias"])
    torch.testing.assert_close(built(FEATURES), expected)
    assert w["projection.1.feed_forward.0.weight"].shape == (3, 4)


def test_identity_only_normalises() -> None:
    built, weights = head("identity", dim=6)
    assert not weights
    torch.testing.assert_close(built(FEATURES), unit(FEATURES))


def test_identity_over_another_width_is_refused_with_what_to_do() -> None:
    with pytest.raises(ShapeError, match=r"gives 6, embedding.dim is 4; set embedding.dim = 6"):
        head("identity")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ShapeError, match="'conv'; accepted: linear, mlp, residual, identity"):
        head("conv")


@pytest.mark.parametrize("kind", ["linear", "mlp", "residual"])
def test_dropout_acts_in_training_alone(kind: str) -> None:
    built, _ = head(kind, dropout=0.5)
    assert torch.equal(built.eval()(FEATURES), built(FEATURES))
    trained = [built.train()(FEATURES) for _ in range(2)]
    assert torch.equal(*trained) == (kind == "linear")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_give_float32_vectors(dtype: torch.dtype) -> None:
    built, _ = head("linear")
    assert built.to(dtype)(FEATURES.to(dtype)).dtype == torch.float32


def test_a_zero_vector_stays_zero_instead_of_nan() -> None:
    built, _ = head("identity", dim=6)
    assert built(torch.zeros(1, 6)).tolist() == [[0] * 6]
