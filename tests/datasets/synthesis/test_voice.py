"""Drawing who speaks."""

from __future__ import annotations

import numpy as np
from polymodal_datasets.synthesis import voice
from polymodal_datasets.synthesis.voice import ACCENTS, SPEAKERS, draw_voice


def test_a_voice_depends_on_the_generator_alone() -> None:
    assert draw_voice(np.random.default_rng(3)) == draw_voice(np.random.default_rng(3))
    rng = np.random.default_rng(3)
    draw_voice(rng)
    other = np.random.default_rng(3)
    other.integers(100, size=5)
    assert draw_voice(rng) != draw_voice(np.random.default_rng(3))


def test_all_of_the_ranges_are_drawn_from() -> None:
    rng = np.random.default_rng(0)
    voices = [draw_voice(rng) for _ in range(3000)]
    names = {item.name for item in voices}
    assert names == {f"{accent}+{speaker}" for accent in ACCENTS for speaker in SPEAKERS}
    for values, low, high in (
        ([item.rate for item in voices], voice.SLOWEST, voice.FASTEST),
        ([item.pitch for item in voices], voice.LOWEST_PITCH, voice.HIGHEST_PITCH),
        ([item.range for item in voices], voice.NARROWEST_RANGE, voice.WIDEST_RANGE),
    ):
        assert (min(values), max(values)) == (low, high)
