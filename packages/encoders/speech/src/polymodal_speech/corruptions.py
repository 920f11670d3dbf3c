"""Ways to damage a recording, for measuring robustness: severity 0 changes nothing, 1 is worst.

Each takes a recording (waveform [samples], rate), a severity in 0..1 and a generator.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from polymodal_speech.resampling import change_rate

if TYPE_CHECKING:
    from polymodal_core.protocols import Corruption

    from polymodal_speech.recordings import Recording, Waveform

BEST_SNR, WORST_SNR = 40.0, -5.0
"""Decibels of the noise where it begins, and at worst."""
CLIPPED = 0.02
"""Level at which the worst clipping cuts, of the peak."""
DROPPED, SPAN = 0.5, 0.05
"""Share of the recording that is lost at worst, and the length of a lost span in seconds."""
SPEED = 1.5
"""Worst factor, faster or slower."""


def noise(value: Recording, severity: float, rng: np.random.Generator) -> Recording:
    """Add white noise at a signal-to-noise ratio from 40 dB down to -5 dB."""
    if severity == 0:
        return value
    waveform, rate = value
    return add_noise(waveform, BEST_SNR + (WORST_SNR - BEST_SNR) * severity, rng), rate


def add_noise(waveform: Waveform, snr: float, rng: np.random.Generator) -> Waveform:
    """Add white noise to a waveform [samples] at `snr` decibels; silence stays silent."""
    drawn = rng.standard_normal(len(waveform))
    power = np.square(waveform, dtype=np.float64).mean()
    level = math.sqrt(power / 10 ** (snr / 10) / np.square(drawn).mean())
    noisy: Waveform = (waveform + level * drawn).astype(np.float32)
    return noisy


def clipping(value: Recording, severity: float, rng: np.random.Generator) -> Recording:
    """Cut off what is louder than a share of the peak, down to 2 %; nothing in it is random."""
    waveform, rate = value
    level = np.abs(waveform).max(initial=0) * CLIPPED**severity
    return np.clip(waveform, -level, level), rate


def dropped(value: Recording, severity: float, rng: np.random.Generator) -> Recording:
    """Silence spans of 50 ms at random, up to half of the recording in all."""
    waveform, rate = value
    span = max(1, min(round(SPAN * rate), len(waveform) // 4))
    count = round(severity * DROPPED * len(waveform) / span)
    result = waveform.copy()
    # A grid shifted at random: spans do not overlap, so that the share is what it says.
    start = int(rng.integers(span))
    places = np.arange(start, len(waveform) - span + 1, span)
    for place in rng.permutation(places)[:count]:
        result[place : place + span] = 0
    return result, rate


def speed(value: Recording, severity: float, rng: np.random.Generator) -> Recording:
    """Play faster or slower, whichever the generator says, by up to 1.5; pitch goes with it."""
    waveform, rate = value
    factor = SPEED ** (severity * rng.choice((-1.0, 1.0)))
    ratio = Fraction(1 / factor).limit_denominator(100)
    return (waveform, rate) if ratio == 1 else (change_rate(waveform, ratio), rate)


CORRUPTIONS: dict[str, Corruption] = {
    "noise": noise,
    "clipping": clipping,
    "dropped": dropped,
    "speed": speed,
}
