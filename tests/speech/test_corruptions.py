"""Damage done to recordings: as much as the severity says, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_speech.corruptions import CORRUPTIONS, add_noise, clipping, dropped, noise, speed

from tests.speech.sounds import RATE, Samples, voice


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def snr(clean: Samples, noisy: Samples) -> float:
    power = np.square(clean, dtype=np.float64).mean()
    rest = np.square(noisy.astype(np.float64) - clean).mean()
    return float(10 * np.log10(power / rest))


@pytest.mark.parametrize("wanted", [-10.0, 0.0, 12.5, 40.0])
def test_noise_has_the_ratio_that_was_asked_for(wanted: float) -> None:
    assert snr(voice(), add_noise(voice(), wanted, rng())) == pytest.approx(wanted, abs=0.05)


def test_noise_runs_from_40_to_minus_5_decibels() -> None:
    for severity, wanted in ((1e-9, 40.0), (0.5, 17.5), (1.0, -5.0)):
        waveform, rate = noise((voice(), RATE), severity, rng())
        assert snr(voice(), waveform) == pytest.approx(wanted, abs=0.05)
        assert rate == RATE


def test_clipping_cuts_at_a_share_of_the_peak() -> None:
    peak = np.abs(voice()).max()
    for severity, level in ((0.5, 0.02**0.5), (1.0, 0.02)):
        waveform, _ = clipping((voice(), RATE), severity, rng())
        assert np.abs(waveform).max() == pytest.approx(level * peak, rel=1e-5)
        low = np.abs(voice()) < level * peak
        np.testing.assert_array_equal(waveform[low], voice()[low])


def test_dropped_spans_are_silent_and_the_rest_is_untouched() -> None:
    for severity in (0.2, 0.6, 1.0):
        waveform, _ = dropped((voice(4.0), RATE), severity, rng())
        changed = waveform != voice(4.0)
        assert not waveform[changed].any()
        assert changed.mean() == pytest.approx(severity / 2, abs=0.02)


def test_speed_changes_length_and_pitch_alike() -> None:
    time = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 400 * time).astype(np.float32)
    factors = set()
    for seed in range(12):
        waveform, rate = speed((tone, RATE), 1.0, rng(seed))
        assert rate == RATE
        factor = RATE / len(waveform)
        factors.add(round(factor, 2))
        peak = np.abs(np.fft.rfft(waveform)).argmax() * RATE / len(waveform)
        assert peak == pytest.approx(400 * factor, rel=0.01)
    assert factors == {0.67, 1.5}


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_the_shortest_recording_and_silence_survive(name: str) -> None:
    corrupt = CORRUPTIONS[name]
    for value in (voice(0.05), np.zeros(RATE, np.float32), np.ones(1, np.float32)):
        for severity in (0.01, 0.5, 1.0):
            waveform, _ = corrupt((value, RATE), severity, rng())
            assert len(waveform) > 0
            assert np.isfinite(waveform).all()
            assert waveform.dtype == np.float32
