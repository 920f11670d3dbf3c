"""Log-mel spectrograms: against a reference in float64, and the same alone as in a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from polymodal_speech.log_mel import FLOOR, LogMel

from tests.speech.sounds import Samples, inputs_of, voice


def reference(waveform: Samples, front: LogMel) -> np.ndarray:
    window, hop = front.window, front.hop
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    mel = front.mel.double().numpy()
    rows = []
    for start in range(0, max(len(waveform) - window, 0) + hop, hop):
        part = np.zeros(window)
        heard = waveform[start : start + window]
        part[: len(heard)] = heard
        rows.append(np.log((np.abs(np.fft.rfft(part * taper)) ** 2) @ mel + FLOOR))
        if start + window >= len(waveform):
            break
    frames = np.stack(rows)
    frames -= frames.mean(axis=0)
    return np.asarray(frames / max(np.sqrt((frames**2).mean()), 1e-3))


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050])
def test_against_a_reference(rate: int) -> None:
    front = LogMel(rate=rate, bands=24)
    waves = [voice(seconds, rate=rate, seed=int(100 * seconds)) for seconds in (0.7, 0.31, 0.05)]
    frames, mask = front(inputs_of(waves))
    for row, wave in enumerate(waves):
        expected = reference(wave, front)
        assert int(mask[row].sum()) == len(expected)
        np.testing.assert_allclose(frames[row, : len(expected)], expected, atol=2e-3)
        assert not frames[row, len(expected) :].any()


def test_the_mel_bands_cover_the_voice() -> None:
    front = LogMel(rate=16_000, bands=40)
    weights = front.mel.sum(dim=1)
    heard = torch.linspace(0, 8000, len(weights))[weights > 0]
    assert heard.min() <= 120
    assert heard.max() >= 7900
    assert (front.mel.sum(dim=0) > 0).all()


def test_what_stands_in_the_padding_changes_nothing() -> None:
    front = LogMel(rate=16_000, bands=16)
    inputs = inputs_of([voice(0.3), voice(0.5)])
    filled = {**inputs, "waveform": inputs["waveform"].clone()}
    filled["waveform"][0, 4800:] = 7.0
    assert torch.equal(front(inputs)[0], front(filled)[0])
    longer = {
        **inputs,
        "waveform": torch.nn.functional.pad(inputs["waveform"], (0, 5000), value=3.0),
    }
    assert torch.equal(front(inputs)[0], front(longer)[0])


def test_loudness_is_gone_and_silence_is_finite() -> None:
    front = LogMel(rate=16_000, bands=16)
    frames, _ = front(inputs_of([voice(0.5), 0.25 * voice(0.5)]))
    assert (frames[0] - frames[1]).abs().mean() < 0.05
    silent, _ = front(inputs_of([np.zeros(4000, np.float32)]))
    assert silent.abs().max() < 1e-2
