from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.plugins import registry
from polymodal_depth.config import DepthConfig
from pydantic import ValidationError


def test_defaults_build() -> None:
    of = DepthConfig().build()
    assert (of.size, of.max_metres, of.unit, of.flip, of.squash) == (64, 10.0, None, 0.0, False)


def test_options_reach_the_modality() -> None:
    of = DepthConfig(
        unit="cm", size=32, max_metres=4, resize="squash", crop_scale=(0.2, 0.4), flip=0.5
    ).build({})
    assert (of.unit, of.size, of.max_metres, of.squash) == ("cm", 32, 4.0, True)
    assert (of.crop_scale, of.flip) == ((0.2, 0.4), 0.5)


def test_geometry_has_the_defaults_of_images() -> None:
    pytest.importorskip("polymodal_image")
    image = registry().modality("image").model_fields
    for option in ("size", "resize", "crop_scale", "flip"):
        assert DepthConfig.model_fields[option].default == image[option].default, option


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("unit", "feet", r"'feet' is no unit of depth; wanted mm, cm, m"),
        ("plausible", [3, 3], "nearest < farthest"),
        ("plausible", [-1, 3], "nearest < farthest"),
        ("size", 7, "greater than or equal to 8"),
        ("max_metres", 0, "greater than 0"),
        ("max_metres", 100, "less than or equal to 65.535"),
        ("resize", "stretch", "'crop' or 'squash'"),
        ("crop_scale", [0.0, 0.3], "smallest <= largest"),
        ("flip", -0.5, "greater than or equal to 0"),
        ("occlusion", 1.5, "less than or equal to 1"),
        ("occluded", [0.3, 0.1], "smallest <= largest < 1"),
        ("occluded", [0.3, 1.0], "smallest <= largest < 1"),
        ("resolution_dropout", -0.1, "greater than or equal to 0"),
        ("coarsest", 1.0, "greater than 1"),
        ("min_confidence", 1.1, "less than or equal to 1"),
        ("min_share", 0.2, "set that too, or leave min_share out"),
        ("units", "mm", "Extra inputs are not permitted"),
    ],
)
def test_impossible_options_are_refused(option: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DepthConfig.model_validate({option: value})
