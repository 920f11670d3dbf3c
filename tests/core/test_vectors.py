"""Options of vector modalities and their encoders."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from polymodal_core.testing import check_encoder, check_modality
from polymodal_core.vectors import VectorConfig, VectorIdentityConfig, VectorMLPConfig
from pydantic import ValidationError

VALUES = list(np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32))


class ThingConfig(VectorConfig):
    """A kind of vector."""

    kind: Literal["thing"] = "thing"


class ThingMLPConfig(VectorMLPConfig):
    """Its encoder."""

    kind: Literal["mlp"] = "mlp"
    modality: ClassVar[str] = "thing"


class ThingIdentityConfig(VectorIdentityConfig):
    """Its other encoder."""

    kind: Literal["identity"] = "identity"
    modality: ClassVar[str] = "thing"


@pytest.mark.parametrize("normalise", ["standard", "none", "unit"])
@pytest.mark.parametrize("encoder", [ThingMLPConfig(hidden=8), ThingIdentityConfig()])
def test_contract(normalise: Literal["standard"], encoder: ThingMLPConfig) -> None:
    modality = check_modality(ThingConfig(normalise=normalise), VALUES, rejects=[[np.nan], "?"])
    check_encoder(encoder, modality, VALUES)


def test_mlp_is_two_layers_with_gelu() -> None:
    encoder = ThingMLPConfig(hidden=3).build(dim=4).double()
    first, _, _, second = encoder.module.children()
    x = torch.randn(6, 4, dtype=torch.float64)
    hidden = x @ first.weight.T + first.bias  # type: ignore[operator]
    gelu = 0.5 * hidden * (1 + torch.erf(hidden / 2**0.5))
    expected = gelu @ second.weight.T + second.bias  # type: ignore[operator]
    torch.testing.assert_close(encoder(x).pooled, expected)
    assert encoder.feature_dim == 3


def test_identity_gives_the_vector_itself() -> None:
    x = torch.randn(2, 4)
    encoder = ThingIdentityConfig().build(dim=4)
    assert encoder.feature_dim == 4
    assert torch.equal(encoder(x).pooled, x)


@pytest.mark.parametrize("options", [{"hidden": 0}, {"dropout": 1.0}, {"depth": 2}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        ThingMLPConfig.model_validate(options)
