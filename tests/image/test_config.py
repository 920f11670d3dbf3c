from __future__ import annotations

from typing import Any

import pytest
from polymodal_image.config import ImageConfig
from pydantic import ValidationError


def test_defaults_build() -> None:
    of = ImageConfig().build()
    assert of.size == 64
    assert of.flip == 0
    assert of.pack_size is None
    assert not of.squash


def test_options_reach_the_modality() -> None:
    of = ImageConfig(
        size=32,
        mean=(0.1, 0.2, 0.3),
        std=(1, 2, 3),
        resize="squash",
        crop_scale=(0.2, 0.4),
        flip=0.5,
        jitter=0.0,
        pack_size=256,
    ).build({})
    assert (of.size, of.mean, of.std, of.squash) == (32, (0.1, 0.2, 0.3), (1, 2, 3), True)
    assert (of.crop_scale, of.flip, of.jitter, of.pack_size) == ((0.2, 0.4), 0.5, 0.0, 256)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("size", 7, "greater than or equal to 8"),
        ("size", "large", "valid integer"),
        ("mean", [0.5, 0.5], "Field required"),
        ("std", [0.5, 0.0, 0.5], "positive standard deviation"),
        ("resize", "stretch", "'crop' or 'squash'"),
        ("crop_scale", [0.9, 0.3], "smallest <= largest"),
        ("flip", 1.5, "less than or equal to 1"),
        ("jitter", 1.0, "less than 1"),
        ("noise", 0.6, "less than or equal to 0.5"),
        ("noise", -0.1, "greater than or equal to 0"),
        ("pack_size", 0, "greater than or equal to 8"),
        ("colour", True, "Extra inputs are not permitted"),
    ],
)
def test_impossible_options_are_refused(option: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ImageConfig.model_validate({option: value})
