"""How many frames a recording has."""

from __future__ import annotations

import pytest
import torch
from polymodal_speech.frames import count_frames, real, silenced


def frames_of(samples: int, window: int, hop: int) -> int:
    count = 1
    while (count - 1) * hop + window < samples:
        count += 1
    return count


@pytest.mark.parametrize(("window", "hop"), [(400, 160), (400, 200), (7, 7), (5, 3)])
def test_there_are_as_many_windows_as_it_takes_to_hear_every_sample(window: int, hop: int) -> None:
    lengths = torch.arange(1, 2000, 7)
    found = count_frames(lengths, window=window, hop=hop)
    assert found.tolist() == [frames_of(int(length), window, hop) for length in lengths]


def test_real_frames_come_first() -> None:
    found = real(torch.tensor([1, 3]), 4)
    assert found.tolist() == [[True, False, False, False], [True, True, True, False]]


def test_what_lies_behind_the_end_becomes_silent() -> None:
    waveform = torch.ones(2, 5)
    lengths = torch.tensor([2, 5])
    assert silenced(waveform, lengths, samples=7).tolist() == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
    ]
    assert silenced(waveform, lengths, samples=3).tolist() == [[1, 1, 0], [1, 1, 1]]
