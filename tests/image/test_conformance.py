"""Pictures and their encoders keep the contract that every plug-in is held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import polymodal_image.plugin
import pytest
from polymodal_core.config import EncoderConfig
from polymodal_core.testing import check_encoder, check_modality, check_plugin
from polymodal_image.config import ImageConfig
from polymodal_image.encoder_config import ConvNetConfig, TimmConfig

from tests.image.pictures import encoded, gradient, textured

VALUES = [textured(), gradient(), encoded(textured(64, 48, seed=1), "JPEG")]
REJECTS = [
    "no such file.png",
    b"",
    b"text",
    encoded(textured(), "JPEG")[:500],
    np.zeros((4, 4)),
    None,
]


def test_the_plugin_module() -> None:
    assert ImageConfig in check_plugin(polymodal_image.plugin)


@pytest.mark.parametrize("options", [{}, {"size": 32, "flip": 0.5, "resize": "squash"}])
def test_the_modality(options: dict[str, Any]) -> None:
    check_modality(ImageConfig(**options), VALUES, rejects=REJECTS)


@pytest.mark.parametrize(
    "encoder",
    [
        ConvNetConfig(width=8, depth=1),
        TimmConfig(model="test_resnet"),
        TimmConfig(model="test_vit"),
    ],
    ids=["convnet", "resnet", "vit"],
)
def test_the_encoders(encoder: EncoderConfig) -> None:
    check_encoder(encoder, ImageConfig(size=32).build(), VALUES)
