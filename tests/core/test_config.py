"""Bases of configuration: strict and frozen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.config import (
    EmbeddingConfig,
    EncoderConfig,
    FusionConfig,
    HeadConfig,
    ImporterConfig,
    ModalityConfig,
    ObjectiveConfig,
    TaskConfig,
)
from pydantic import ValidationError

from tests.core.toys import NumberConfig, ToyObjectiveConfig


def test_configurations_are_frozen_and_refuse_unknown_keys() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        NumberConfig().jitter = 0.5  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        NumberConfig.model_validate({"jiter": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_option_takes_what_is_not_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        NumberConfig(jitter=value)


def test_the_kind_of_a_class_is_its_default() -> None:
    assert NumberConfig.kind_name() == "number"
    assert ModalityConfig.kind_name() == ""
    assert EmbeddingConfig.kind_name() == ""


def test_pairs_have_weight_one_unless_said() -> None:
    assert ToyObjectiveConfig().weights() is None
    pairs: Any = [["a", "b"], ["b", "c", 0.5]]
    assert ToyObjectiveConfig(pairs=pairs).weights() == {("a", "b"): 1.0, ("b", "c"): 0.5}


@pytest.mark.parametrize("options", [{"hidden": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_head_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        HeadConfig.model_validate(options)


def test_a_head_is_as_wide_inside_as_the_space_unless_said() -> None:
    default = HeadConfig(kind="mlp").build(feature_dim=3, dim=5)
    wide = HeadConfig(kind="mlp", hidden=7).build(feature_dim=3, dim=5)
    assert sorted(item.shape for item in default.parameters()) == [(5,), (5,), (5, 3), (5, 5)]
    assert (7, 3) in [item.shape for item in wide.parameters()]
    assert default(torch.randn(2, 3)).shape == (2, 5)


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        (ModalityConfig, {}),
        (EncoderConfig, {}),
        (FusionConfig, {"feature_dims": {}}),
        (ObjectiveConfig, {}),
        (ImporterConfig, {}),
        (TaskConfig, {}),
    ],
)
def test_the_bases_build_nothing(base: type[Any], arguments: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        base(kind="x").build(**arguments)
