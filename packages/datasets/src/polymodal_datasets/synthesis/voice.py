"""Who speaks, and how: the voices of espeak-ng that are told apart by ear, and drawing one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ACCENTS = (
    "en-us",
    "en-us-nyc",
    "en",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-gb-scotland",
    "en-029",
)
"""American, New York, British, Received Pronunciation, Lancaster, West Midlands, Scottish,
Caribbean English."""

SPEAKERS = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5"),
    *("Alicia", "Andrea", "Annie", "Michael", "adam", "belinda", "linda", "norbert", "steph"),
)
"""Variants of espeak-ng: each has formants, pitch and timbre of its own."""

SLOWEST, FASTEST = 150, 220
LOWEST_PITCH, HIGHEST_PITCH = 25, 75
NARROWEST_RANGE, WIDEST_RANGE = 30, 80


@dataclass(frozen=True)
class Voice:
    """An espeak-ng voice (`en-us+f3`), words per minute, pitch and its range (both 0 to 99)."""

    name: str
    rate: int
    pitch: int
    range: int


def draw_voice(rng: np.random.Generator) -> Voice:
    """Draw an accent, a speaker, a speed and a pitch; always takes five numbers from `rng`."""
    accent, speaker = rng.integers(len(ACCENTS)), rng.integers(len(SPEAKERS))
    return Voice(
        f"{ACCENTS[accent]}+{SPEAKERS[speaker]}",
        rate=int(rng.integers(SLOWEST, FASTEST + 1)),
        pitch=int(rng.integers(LOWEST_PITCH, HIGHEST_PITCH + 1)),
        range=int(rng.integers(NARROWEST_RANGE, WIDEST_RANGE + 1)),
    )
