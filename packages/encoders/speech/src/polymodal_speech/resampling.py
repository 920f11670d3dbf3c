"""Changing the sample rate of a waveform, by torchaudio's windowed sinc interpolation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from polymodal_speech.recordings import Waveform

LARGEST_STEP = 1000
"""Rates whose ratio has larger terms (44,099 to 16,000) are brought to the nearest that has not:
the table of the filter grows with their product, and a pitch off by a millionth harms nobody."""


def resample(waveform: Waveform, old: int, new: int) -> Waveform:
    """Give a waveform [samples] of rate `old` at rate `new`, [about samples * new / old]."""
    if old == new:
        return waveform
    ratio = Fraction(new, old)
    if max(ratio.numerator, ratio.denominator) > LARGEST_STEP:
        low = min(ratio, 1 / ratio).limit_denominator(LARGEST_STEP)
        ratio = low if ratio < 1 else 1 / low
    return change_rate(waveform, ratio)


def change_rate(waveform: Waveform, ratio: Fraction) -> Waveform:
    """Give `ratio` times as many samples, [ceil(samples * ratio)], of the same sound."""
    import torch

    with torch.no_grad():
        found = _resampler(ratio.denominator, ratio.numerator)(torch.from_numpy(waveform))
    result: Waveform = found.numpy().astype(np.float32, copy=False)
    return result


@functools.lru_cache(maxsize=32)
def _resampler(old: int, new: int) -> Callable[[Any], Any]:
    from torchaudio.transforms import Resample

    resampler: Callable[[Any], Any] = Resample(old, new)
    return resampler
