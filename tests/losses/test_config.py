"""Objectives as sections of a recipe."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_losses import PCMC, InfoNCE
from polymodal_losses.config import InfoNCEConfig, PCMCConfig
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
        "pairs": [["image", "text"], ["image", "depth", 0.5]],
    }  # fmt: skip
    loss = PCMCConfig.model_validate(section).build()
    assert loss.temperature == pytest.approx(0.2, rel=1e-12)
    assert not loss.learnable
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
