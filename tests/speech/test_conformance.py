"""Speech and its encoders keep the contract that every plug-in is held to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polymodal_speech.plugin
import pytest
from polymodal_core.testing import check_encoder, check_modality, check_plugin
from polymodal_speech.config import SpeechConfig
from polymodal_speech.encoder_config import ConvNetConfig, TransformersConfig, YAMNetConfig

from tests.speech.models import save_model, save_whisper
from tests.speech.sounds import RATE, encoded, voice

VALUES = [
    (voice(0.4), RATE),
    (voice(0.7, rate=8000, seed=1), 8000),
    encoded(np.stack([voice(0.3, seed=2), voice(0.3, seed=3)], axis=1), "OGG"),
]
REJECTS = [
    "no such file.wav",
    b"",
    b"text",
    encoded(voice())[:5000],
    (voice(0.01), RATE),
    (np.full(9000, np.nan, np.float32), RATE),
    (voice(), 0),
    voice(),
    None,
]


def kept(value: Any, decoded: Any) -> bool:
    waveform, rate = decoded
    if isinstance(value, bytes):
        return rate == RATE and len(waveform) == round(0.3 * RATE)
    return rate == value[1] and np.allclose(waveform, value[0], atol=1e-6)


def test_the_plugin_module() -> None:
    assert SpeechConfig in check_plugin(polymodal_speech.plugin)


@pytest.mark.parametrize("options", [{}, {"rate": 8000, "max_seconds": 0.5, "long": "cut"}])
def test_the_modality(options: dict[str, Any]) -> None:
    values = VALUES[::2] if options else VALUES
    check_modality(SpeechConfig(**options), values, rejects=REJECTS, round_trip=kept)


@pytest.mark.parametrize("kind", ["convnet", "yamnet", "hubert-base", "wav2vec2-large", "whisper"])
def test_the_encoders(tmp_path: Path, kind: str) -> None:
    if kind == "convnet":
        config: Any = ConvNetConfig(bands=16, channels=4, width=16)
    elif kind == "yamnet":
        config = YAMNetConfig(weights="random", tuning="full", block=3)
    elif kind == "whisper":
        config = TransformersConfig(model=save_whisper(tmp_path))
    else:
        config = TransformersConfig(model=save_model(tmp_path, kind))
    check_encoder(config, SpeechConfig(max_seconds=1.0).build(), VALUES)
