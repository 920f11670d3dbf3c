from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.plugins import registry
from polymodal_core.recipe import load_recipe
from polymodal_depth.config import DepthConfig
from polymodal_depth.encoder_config import ConvNetConfig, TimmConfig
from pydantic import ValidationError


def test_encoders_fix_nothing_of_the_modality() -> None:
    assert ConvNetConfig().requires() == {}
    assert TimmConfig(weights="hub").requires() == {}


def test_both_build_from_the_spec() -> None:
    spec = DepthConfig(size=32).build().spec()
    assert ConvNetConfig(width=4).build(**spec).feature_dim == 16
    assert TimmConfig(model="test_resnet").build(**spec).feature_dim == 96


def test_a_recipe_resolves_and_reads_again() -> None:
    encoder = {"kind": "timm", "model": "resnet18", "tuning": "frozen"}
    table = {"modalities": {"depth": {"size": 96, "encoder": encoder}}}
    recipe = load_recipe(table, registry=registry(), sections={})
    assert recipe.columns["depth"].encoder == TimmConfig(tuning="frozen")
    assert load_recipe(recipe.table, registry=registry(), sections={}).table == recipe.table


@pytest.mark.parametrize("options", [{"width": 0}, {"depth": -1}, {"tuning": "half"}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="1 validation error"):
        ConvNetConfig.model_validate(options)


def test_portable_names_no_file() -> None:
    portable = TimmConfig(model="resnet18", weights="gone.pth").portable()
    assert portable.build(size=32, channels=2, max_metres=10.0).feature_dim == 512
