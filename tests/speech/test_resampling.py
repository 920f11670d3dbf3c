"""Other sample rates: the same sound, at the length that it should have."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from polymodal_speech.resampling import change_rate, resample


def tone(frequency: float, rate: int, *, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.sin(2 * np.pi * frequency * time).astype(np.float32)


@pytest.mark.parametrize("old", [8000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_stays_the_same_tone(old: int) -> None:
    found = resample(tone(1000, old), old, 16_000)
    assert found.dtype == np.float32
    assert len(found) == pytest.approx(8000, abs=1)
    middle = slice(500, 7500)
    np.testing.assert_allclose(found[middle], tone(1000, 16_000)[middle], atol=5e-3)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    assert np.abs(resample(tone(7000, 48_000), 48_000, 8000)[100:-100]).max() < 0.02


def test_the_same_rate_changes_nothing() -> None:
    wave = tone(300, 16_000)
    assert resample(wave, 16_000, 16_000) is wave


@pytest.mark.parametrize(("old", "new"), [(44_099, 16_000), (16_000, 44_099), (383_999, 2000)])
def test_an_odd_rate_needs_no_giant_filter_and_keeps_its_pitch(old: int, new: int) -> None:
    found = resample(tone(440, old), old, new)
    assert len(found) == pytest.approx(new / 2, abs=2)
    # Over half a second, a pitch off by a ten-thousandth would end 0.14 rad away.
    middle = slice(len(found) // 10, -len(found) // 10)
    np.testing.assert_allclose(
        found[middle], tone(440, new, seconds=1.0)[: len(found)][middle], atol=0.02
    )


def test_a_ratio_gives_so_many_times_as_many_samples() -> None:
    assert len(change_rate(tone(300, 16_000), Fraction(2, 3))) == 5334
    assert len(change_rate(tone(300, 16_000), Fraction(3, 2))) == 12_000
