"""Objectives as sections of a recipe."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_losses import PCMC, PCMR, InfoNCE
from polymodal_losses.config import InfoNCEConfig, PCMCConfig, PCMRConfig
from polymodal_losses.regression import RegressionOptions
from pydantic import ValidationError


def test_defaults_are_the_papers() -> None:
    loss = PCMCConfig().build()
    assert isinstance(loss, PCMC)
    assert loss.learnable
    assert loss.pairs is None
    assert loss.temperature == pytest.approx(0.07, rel=1e-12)
    assert PCMCConfig().groups == "none"
    nce = InfoNCEConfig().build()
    assert isinstance(nce, InfoNCE)
    assert nce.temperature == pytest.approx(0.07, rel=1e-12)
    assert list(nce.parameters()) == []


def test_options_reach_the_loss() -> None:
    section = {
        "kind": "pcmc", "temperature": 0.2, "learnable": False, "groups": "instance",
        "form": "tiled", "matmul_dtype": "bfloat16",
        "pairs": [["image", "text"], ["image", "depth", 0.5]],
    }  # fmt: skip
    loss = PCMCConfig.model_validate(section).build()
    assert loss.temperature == pytest.approx(0.2, rel=1e-12)
    assert not loss.learnable
    assert (loss.form, loss.matmul_dtype) == ("tiled", "bfloat16")
    assert loss.pairs == {("image", "text"): 1.0, ("image", "depth"): 0.5}
    nce = InfoNCEConfig.model_validate({"temperature": 0.3, "pairs": [["a", "b"]]}).build()
    assert nce.temperature == pytest.approx(0.3, rel=1e-12)
    assert nce.pcmc.pairs == {("a", "b"): 1.0}


@pytest.mark.parametrize("config", [PCMCConfig, InfoNCEConfig])
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"temperature": 0.0}, "greater than 0"),
        ({"temperature": float("inf")}, "finite"),
        ({"pairs": [["a", "a"]]}, "compares a column with itself"),
        ({"pairs": [["a", "b", -1.0]]}, "is -1.0; wanted a finite number >= 0"),
        ({"pairs": []}, "pairs is empty"),
        ({"tau": 0.1}, "Extra inputs are not permitted"),
    ],
)
def test_a_bad_section_is_refused_before_anything_is_built(
    config: type[PCMCConfig] | type[InfoNCEConfig], section: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        config.model_validate(section)


def test_pcmr_options_reach_the_loss() -> None:
    section = {
        "kind": "pcmr", "power": "elementwise", "target": "embeddings", "rho": 0.5,
        "threshold": 0.95, "form": "direct", "pairs": [["image", "text", 2.0]],
    }  # fmt: skip
    loss = PCMRConfig.model_validate(section).build()
    assert isinstance(loss, PCMR)
    assert loss.options == RegressionOptions("elementwise", 0.5, "embeddings", 0.95)
    assert (loss.form, loss.pairs) == ("direct", {("image", "text"): 2.0})
    assert PCMRConfig().build().options == PCMR().options  # one set of defaults


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"power": "cubic"}, "'frobenius' or 'elementwise'"),
        ({"target": "label"}, "'embeddings' or 'groups'"),
        ({"rho": -1}, "greater than or equal to 0"),
        ({"threshold": 1.0}, "less than 1"),
        ({"form": "gram"}, "'auto', 'direct' or 'tiled'"),
        ({"target": "embeddings", "groups": "label"}, "groups is label, but target is embeddings"),
        ({"temperature": 0.07}, "Extra inputs are not permitted"),
        ({"pairs": [["a", "a"]]}, "compares a column with itself"),
    ],
)
def test_a_bad_pcmr_section_is_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PCMRConfig.model_validate(section)


def test_products_in_bfloat16_are_refused_where_they_would_not_be_used() -> None:
    with pytest.raises(ValidationError, match="but form is direct"):
        PCMCConfig.model_validate({"form": "direct", "matmul_dtype": "bfloat16"})


def test_a_pair_listed_twice_is_refused_in_either_order() -> None:
    with pytest.raises(ValidationError, match=r"pair \['a', 'b'\] is listed twice"):
        PCMCConfig.model_validate({"pairs": [["a", "b"], ["a", "b", 0.5]]})
    with pytest.raises(ValidationError, match="they are one pair"):
        PCMCConfig.model_validate({"pairs": [["a", "b"], ["b", "a"]]})


def test_a_learnable_temperature_below_its_limit_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"kept at 0\.01 or above"):
        PCMCConfig.model_validate({"temperature": 0.001})
    assert PCMCConfig.model_validate({"temperature": 0.001, "learnable": False}).build()


def test_infonce_refuses_several_pairs() -> None:
    with pytest.raises(ValidationError, match="compares one pair"):
        InfoNCEConfig.model_validate({"pairs": [["a", "b"], ["b", "c"]]})
