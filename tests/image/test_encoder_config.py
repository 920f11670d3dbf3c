from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_core.plugins import registry
from polymodal_core.recipe import load_recipe
from polymodal_image.encoder_config import ConvNetConfig, TimmConfig
from pydantic import ValidationError

INPUT = {"size": 160, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def test_random_weights_require_nothing() -> None:
    assert ConvNetConfig().requires() == {}
    assert TimmConfig(model="resnet18").requires() == {}


def test_what_is_given_is_required_even_of_random_weights() -> None:
    assert TimmConfig(model="resnet18", size=96).requires() == {"size": 96}


def test_pretrained_weights_require_what_timm_knows() -> None:
    found = TimmConfig(model="mobilenetv2_100", weights="hub").requires()
    assert found == {
        "size": 224,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }


def test_given_input_goes_before_what_timm_knows() -> None:
    config = TimmConfig(model="mobilenetv2_100", weights="hub", size=128, mean=(0.5, 0.5, 0.5))
    assert config.requires() == {
        "size": 128,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.229, 0.224, 0.225),
    }


def test_complete_input_needs_no_look_at_timm() -> None:
    assert TimmConfig(model="of_my_own", weights="a.pth", **INPUT).requires() == INPUT


def test_an_unknown_model_is_refused_with_a_suggestion() -> None:
    with pytest.raises(PolymodalError, match=r"no model 'mobilenet_v2_100'; did you mean mobilene"):
        TimmConfig(model="mobilenet_v2_100", weights="hub").requires()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Field required"),
        ({"model": "x", "std": [1, 0, 1]}, "positive standard deviation"),
        ({"model": "x", "tuning": "some"}, "'full', 'frozen' or 'lora'"),
        ({"model": "x", "size": 1}, "greater than or equal to 8"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TimmConfig.model_validate(options)


def test_a_recipe_takes_over_what_the_weights_require() -> None:
    table = {"modalities": {"image": {"encoder": {"kind": "timm", "model": "resnet18", **INPUT}}}}
    recipe = load_recipe(table, registry=registry(), sections={})
    resolved = recipe.table["modalities"]["image"]
    assert resolved["size"] == 160
    assert resolved["mean"] == [0.5, 0.5, 0.5]
    again = load_recipe(recipe.table, registry=registry(), sections={})
    assert again.table == recipe.table


def test_a_recipe_that_contradicts_the_weights_is_refused() -> None:
    encoder = {"kind": "timm", "model": "resnet18", **INPUT}
    table = {"modalities": {"image": {"size": 64, "encoder": encoder}}}
    with pytest.raises(RecipeError, match=r"modalities\.image\.size: 64 contradicts.*need 160"):
        load_recipe(table, registry=registry(), sections={})


def test_portable_spells_out_what_the_weights_fix_and_names_no_file() -> None:
    portable = TimmConfig(model="mobilenetv2_100", weights="gone.pth", size=96).portable()
    assert portable.weights == "random"
    assert (
        portable.requires()
        == TimmConfig(model="mobilenetv2_100", weights="hub", size=96).requires()
    )
    spec: dict[str, Any] = {"size": 96, "channels": 3, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    assert portable.build(**spec).feature_dim == 1280
