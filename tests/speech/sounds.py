"""Recordings made on the spot, and files of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from polymodal_speech.config import SpeechConfig
from polymodal_speech.modality import SpeechModality

Samples = NDArray[np.float32]
RATE = 16_000


def voice(seconds: float = 0.6, *, rate: int = RATE, seed: int = 0) -> Samples:
    """Something like a voice: harmonics of a gliding pitch under changing loudness, with noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    glide = 1 + 0.1 * np.sin(2 * np.pi * rng.uniform(1, 3) * time)
    phase = 2 * np.pi * np.cumsum(rng.uniform(90, 220) * glide) / rate
    harmonics = [np.sin(k * phase) * rng.uniform(0.2, 1) / k for k in range(1, 9)]
    sound = np.sum(harmonics, axis=0)
    loud = 0.3 + 0.2 * np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6))
    noisy = sound * loud + 0.02 * rng.standard_normal(len(time))
    level: Samples = (0.5 * noisy / np.abs(noisy).max()).astype(np.float32)
    return level


def encoded(
    samples: NDArray[Any], form: str = "WAV", *, rate: int = RATE, subtype: str | None = None
) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def modality(**options: Any) -> SpeechModality:
    """A modality with these options."""
    return SpeechConfig(**options).build()


def inputs_of(waveforms: list[Samples], *, of: SpeechModality | None = None) -> dict[str, Any]:
    """Collate waveforms."""
    return dict((of or modality()).collate(waveforms))
