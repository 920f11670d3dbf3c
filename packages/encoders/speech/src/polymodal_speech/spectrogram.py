"""A picture of a recording for reports: its waveform above its spectrogram."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_speech.recordings import Recording, Waveform

WIDTH, WAVE_HEIGHT, BANDS = 256, 40, 64
WINDOW = 0.03
"""Seconds of sound in a column of the spectrogram."""
HIGHEST = 8000.0
"""Hz at the upper edge, or half the sample rate."""
RANGE = 60.0
"""Decibels below the loudest that are still seen."""
PAPER, INK = (255, 255, 255), (47, 111, 178)
COLOURS = np.array([(13, 8, 60), (114, 31, 129), (230, 80, 70), (253, 180, 80), (252, 253, 191)])
"""From silent to loud."""


def draw_recording(value: Recording) -> NDArray[np.uint8]:
    """Draw uint8 [height, width, 3]: time to the right, the waveform above, frequency upwards."""
    waveform, rate = value
    picture = np.full((WAVE_HEIGHT + BANDS, WIDTH, 3), PAPER, dtype=np.uint8)
    edges = np.linspace(0, len(waveform), WIDTH + 1).astype(int)
    peak = max(float(np.abs(waveform).max(initial=0)), 1e-6)
    middle = WAVE_HEIGHT // 2
    for column, (start, end) in enumerate(pairwise(edges)):
        part = waveform[start : max(end, start + 1)] / peak
        top, bottom = (round(middle - (middle - 1) * float(level)) for level in _extremes(part))
        picture[top : bottom + 1, column] = INK
    picture[WAVE_HEIGHT:] = _spectrogram(waveform, rate)
    return picture


def _extremes(part: Waveform) -> tuple[float, float]:
    return float(part.max(initial=0)), float(part.min(initial=0))


def _spectrogram(waveform: Waveform, rate: int) -> NDArray[np.uint8]:
    window = max(8, round(WINDOW * rate))
    padded = np.pad(waveform, (window // 2, window))
    starts = np.linspace(0, max(len(waveform) - 1, 0), WIDTH).astype(int)
    frames = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    wanted = np.linspace(0, min(HIGHEST, rate / 2), BANDS)
    bins = np.round(wanted * window / rate).astype(int)
    level = 10 * np.log10(power[:, bins].T[::-1] + 1e-12)
    place = np.clip(1 + (level - level.max()) / RANGE, 0, 1) * (len(COLOURS) - 1)
    channels = [np.interp(place, range(len(COLOURS)), COLOURS[:, index]) for index in range(3)]
    return np.stack(channels, axis=2).astype(np.uint8)
