"""Pictures of recordings."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_speech.spectrogram import BANDS, PAPER, WAVE_HEIGHT, WIDTH, draw_recording

from tests.speech.sounds import RATE, Samples, voice


def brightest_row(picture: np.ndarray) -> float:
    return float(picture[WAVE_HEIGHT:].sum(axis=(1, 2)).argmax())


def tone(frequency: float, rate: int = RATE) -> Samples:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)).astype(np.float32)


def test_a_tone_is_bright_at_its_frequency() -> None:
    for frequency in (500.0, 4000.0, 7500.0):
        row = brightest_row(draw_recording((tone(frequency), RATE)))
        assert row == pytest.approx((BANDS - 1) * (1 - frequency / 8000), abs=1.5)


def test_sound_in_the_second_half_is_drawn_on_the_right() -> None:
    waveform = np.concatenate([np.zeros(RATE, np.float32), tone(1000)])
    picture = draw_recording((waveform, RATE))
    ink = (picture[:WAVE_HEIGHT] != PAPER).any(axis=2).sum(axis=0)
    assert ink[: WIDTH // 2 - 1].max() == 1  # the line of silence
    assert ink[WIDTH // 2 + 1 :].min() > WAVE_HEIGHT // 2
    spectrogram = picture[WAVE_HEIGHT:].astype(int).sum(axis=2).max(axis=0)
    assert spectrogram[WIDTH // 2 + 4 :].min() > spectrogram[: WIDTH // 2 - 4].max()


@pytest.mark.parametrize("rate", [1000, 8000, 48_000])
@pytest.mark.parametrize("samples", [1, 3, 50, 5000])
def test_any_length_and_rate_can_be_drawn(rate: int, samples: int) -> None:
    for waveform in (voice(1.0)[:samples], np.zeros(samples, np.float32)):
        picture = draw_recording((waveform, rate))
        assert picture.shape == (WAVE_HEIGHT + BANDS, WIDTH, 3)
        assert picture.dtype == np.uint8
