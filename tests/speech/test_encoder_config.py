"""Options of the encoders of speech."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.config import EncoderConfig
from polymodal_speech.encoder_config import ConvNetConfig, TransformersConfig, YAMNetConfig
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ConvNetConfig, {"bands": 4}, "greater than or equal to 8"),
        (ConvNetConfig, {"depth": -1}, "greater than or equal to 0"),
        (TransformersConfig, {}, "Field required"),
        (TransformersConfig, {"model": ""}, "at least 1 character"),
        (TransformersConfig, {"model": "x", "weights": "hub"}, "'pretrained' or 'random'"),
        (TransformersConfig, {"model": "x", "pooling": "cls"}, "Extra inputs are not permitted"),
        (YAMNetConfig, {}, "Field required"),
        (YAMNetConfig, {"weights": "random", "block": 13}, "less than or equal to 12"),
        (YAMNetConfig, {"weights": "random", "segments": 0}, "greater than or equal to 1"),
    ],
)
def test_options_out_of_range_are_refused(
    kind: type[EncoderConfig], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        kind.model_validate(options)


def test_the_small_network_hears_any_rate_and_the_others_16_kilohertz() -> None:
    assert ConvNetConfig().requires() == {}
    assert ConvNetConfig(width=32).build(rate=8000, length=100).feature_dim == 32
    assert TransformersConfig(model="x").requires() == {"rate": 16_000}
    assert YAMNetConfig(weights="random").requires() == {"rate": 16_000}


def test_options_reach_the_network() -> None:
    encoder = ConvNetConfig(bands=16, channels=4, width=24, depth=1).build(rate=16_000, length=1)
    assert len(encoder.blocks) == 1
    assert encoder.log_mel.mel.shape[1] == 16
    assert encoder.first.convolution.out_channels == 4
    yamnet = YAMNetConfig(weights="random", block=4, segments=3).build(rate=16_000, length=1)
    assert yamnet.feature_dim == 3 * 256
