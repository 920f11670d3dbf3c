"""Depth maps and their encoders keep the contract that every plug-in is held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import polymodal_depth.plugin
import pytest
from polymodal_core.config import EncoderConfig
from polymodal_core.testing import check_encoder, check_modality, check_plugin
from polymodal_depth.config import DepthConfig
from polymodal_depth.encoder_config import ConvNetConfig, TimmConfig

from tests.depth.maps import encoded, ramp, with_holes

VALUES = [ramp(), with_holes(64, 64), encoded(ramp(48, 48, far=9000))]
REJECTS = [
    "no such file.png",
    b"",
    b"text",
    encoded(ramp())[:70],
    encoded(np.full((4, 4), 90, np.uint8)),
    np.ones((4, 4)),
    np.full((4, 4), np.nan),
    np.zeros((4, 4), np.uint16),
    np.ones((4, 4, 3), np.uint16),
    None,
]


def test_the_plugin_module() -> None:
    assert DepthConfig in check_plugin(polymodal_depth.plugin)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": 32, "flip": 0.5, "resize": "squash"},
        {"occlusion": 0.7, "resolution_dropout": 0.7, "min_confidence": 0.5, "min_share": 0.2},
    ],
)
def test_the_modality(options: dict[str, Any]) -> None:
    check_modality(DepthConfig(**options), VALUES, rejects=REJECTS)


@pytest.mark.parametrize(
    "encoder",
    [
        ConvNetConfig(width=8, depth=1),
        ConvNetConfig(width=8, refinement=1.0),
        TimmConfig(model="test_resnet"),
        TimmConfig(model="test_resnet", refinement=0.5),
    ],
    ids=["convnet", "refined convnet", "resnet", "refined resnet"],
)
def test_the_encoders(encoder: EncoderConfig) -> None:
    check_encoder(encoder, DepthConfig(size=32).build(), VALUES)
