"""HuBERT and its kin: the states of transformers, and the same alone as in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from polymodal_speech.encoder_config import TransformersConfig
from polymodal_speech.waveform_backbone import SeparateLengths

from tests.speech.models import CONVOLUTIONS, KINDS, save_model
from tests.speech.sounds import RATE, Samples, inputs_of, voice

LENGTHS = (0.5, 0.31, 0.122, 0.31)
SPEC = {"rate": RATE, "length": 30 * RATE}


def waves() -> list[Samples]:
    return [voice(seconds, seed=number) for number, seconds in enumerate(LENGTHS)]


def build(model: str) -> Any:
    return TransformersConfig(model=model).build(**SPEC).eval()


def frames_of(samples: int) -> int:
    for kernel, stride in zip(
        CONVOLUTIONS["conv_kernel"], CONVOLUTIONS["conv_stride"], strict=True
    ):
        samples = (samples - kernel) // stride + 1
    return samples


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_states_are_those_of_transformers_for_each_recording_alone(
    tmp_path: Path, kind: str
) -> None:
    from transformers import AutoModel, Wav2Vec2FeatureExtractor

    path = save_model(tmp_path, kind)
    reference = AutoModel.from_pretrained(path).eval()
    extractor: Any = Wav2Vec2FeatureExtractor
    prepare = extractor(do_normalize=True)
    with torch.no_grad():
        found = build(path).backbone(inputs_of(waves()))
        assert found.tokens.shape[2:] == (4, 16)
        for row, wave in enumerate(waves()):
            values = prepare(wave, sampling_rate=RATE, return_tensors="pt").input_values
            output = reference(values, output_hidden_states=True)
            states = [*output.hidden_states[:-1], output.last_hidden_state]
            count = states[0].shape[1]
            assert int(found.mask[row].sum()) == count == frames_of(len(wave))
            expected = torch.stack(states, dim=2)[0]
            torch.testing.assert_close(found.tokens[row, :count], expected, atol=2e-5, rtol=1e-4)
            torch.testing.assert_close(
                found.pooled[row], expected.mean(dim=0), atol=2e-5, rtol=1e-4
            )


@pytest.mark.parametrize("kind", ["hubert-base", "hubert-large"])
def test_alone_or_in_a_batch_features_are_the_same(tmp_path: Path, kind: str) -> None:
    encoder = build(save_model(tmp_path, kind)).double()
    inputs = inputs_of(waves())
    inputs["waveform"] = inputs["waveform"].double()
    found = encoder(inputs)
    for row, wave in enumerate(waves()):
        alone = inputs_of([wave])
        alone["waveform"] = alone["waveform"].double()
        torch.testing.assert_close(found.pooled[row], encoder(alone).pooled[0], atol=1e-9, rtol=0)


def test_what_stands_in_the_padding_changes_nothing(tmp_path: Path) -> None:
    encoder = build(save_model(tmp_path, "hubert-base"))
    inputs = inputs_of(waves())
    filled = inputs["waveform"].clone()
    for row, length in enumerate(inputs["lengths"]):
        filled[row, length:] = 5.0
    assert torch.equal(encoder(inputs).pooled, encoder({**inputs, "waveform": filled}).pooled)


def test_the_model_says_whether_loudness_is_taken_away(tmp_path: Path) -> None:
    for normalise, kept in ((True, False), (False, True), (None, False)):
        path = save_model(tmp_path / str(normalise), "hubert-large", normalise=normalise)
        encoder = build(path)
        quiet, loud = (encoder(inputs_of([level * waves()[0]])).pooled for level in (0.1, 1.0))
        assert (not torch.allclose(quiet, loud, atol=1e-3)) is kept


def test_a_recording_of_less_than_a_frame_is_heard_with_silence_behind_it(tmp_path: Path) -> None:
    encoder = build(save_model(tmp_path, "hubert-base"))
    assert encoder.backbone.shortest == 30
    assert (frames_of(29), frames_of(30)) == (0, 1)
    found = encoder(inputs_of([waves()[0], waves()[0][:9]]))
    assert found.mask.sum(dim=1).tolist() == [frames_of(8000), 1]
    alone = encoder(inputs_of([waves()[0][:9]]))
    torch.testing.assert_close(found.pooled[1], alone.pooled[0], atol=1e-5, rtol=0)


def test_only_a_normalisation_over_time_needs_separate_lengths(tmp_path: Path) -> None:
    base, large = (
        build(save_model(tmp_path / kind, kind)).backbone.model.feature_extractor
        for kind in ("hubert-base", "hubert-large")
    )
    assert isinstance(base, SeparateLengths)
    assert not isinstance(large, SeparateLengths)
