"""Whisper's encoder: the states of transformers, silence behind each recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from polymodal_core.errors import PolymodalError
from polymodal_speech.encoder_config import TransformersConfig

from tests.speech.models import save_whisper
from tests.speech.sounds import RATE, Samples, inputs_of, voice

SPEC = {"rate": RATE, "length": RATE}


def waves() -> list[Samples]:
    return [voice(seconds, seed=number) for number, seconds in enumerate((0.5, 0.31, 1.0))]


def test_states_are_those_of_transformers(tmp_path: Path) -> None:
    from transformers import WhisperFeatureExtractor, WhisperModel

    path = save_whisper(tmp_path)
    prepare: Any = WhisperFeatureExtractor(feature_size=20, chunk_length=1)  # type: ignore[no-untyped-call]
    whisper: Any = WhisperModel.from_pretrained(path)
    reference = whisper.eval().encoder
    encoder: Any = TransformersConfig(model=path).build(**SPEC)
    with torch.no_grad():
        found = encoder.eval().backbone(inputs_of(waves()))
        for row, wave in enumerate(waves()):
            mel = prepare(wave, sampling_rate=RATE, return_tensors="pt").input_features
            output = reference(mel, output_hidden_states=True)
            states = [*output.hidden_states[:-1], output.last_hidden_state]
            count = -(-len(wave) // 320)
            assert int(found.mask[row].sum()) == count
            expected = torch.stack(states, dim=2)[0, :count]
            torch.testing.assert_close(found.tokens[row, :count], expected, atol=1e-4, rtol=1e-3)
            torch.testing.assert_close(
                found.pooled[row], expected.mean(dim=0), atol=1e-4, rtol=1e-3
            )


def test_alone_or_in_a_batch_features_are_the_same(tmp_path: Path) -> None:
    encoder: Any = TransformersConfig(model=save_whisper(tmp_path)).build(**SPEC)
    found = encoder.eval()(inputs_of(waves()))
    for row, wave in enumerate(waves()):
        alone = encoder(inputs_of([wave]))
        torch.testing.assert_close(found.pooled[row], alone.pooled[0], atol=1e-5, rtol=0)


def test_the_decoder_is_no_part_of_it(tmp_path: Path) -> None:
    encoder: Any = TransformersConfig(model=save_whisper(tmp_path)).build(**SPEC)
    assert not [name for name in encoder.state_dict() if "decoder" in name]


def test_recordings_longer_than_it_hears_are_refused(tmp_path: Path) -> None:
    config = TransformersConfig(model=save_whisper(tmp_path))
    with pytest.raises(PolymodalError, match="hears at most 1 s; recordings have up to 2 s: set"):
        config.build(rate=RATE, length=2 * RATE)
