"""Frames of recordings of different length: how many there are, and which ones are real."""

from __future__ import annotations

import torch
from torch import Tensor


def count_frames(lengths: Tensor, *, window: int, hop: int) -> Tensor:
    """Count the windows that it takes to hear every sample of `lengths` [present], at least one.

    The last window may reach past the end, where there are zeros.
    """
    rest = (lengths - window).clamp(min=0)
    return 1 + (rest + hop - 1) // hop


def real(counts: Tensor, longest: int) -> Tensor:
    """Say which of `longest` frames are real: bool [present, longest] from `counts` [present]."""
    return torch.arange(longest, device=counts.device) < counts[:, None]


def silenced(waveform: Tensor, lengths: Tensor, *, samples: int) -> Tensor:
    """Give `waveform` [present, any] with zeros behind each length, padded or cut to `samples`."""
    fitted = torch.nn.functional.pad(waveform, (0, samples - waveform.shape[1]))
    return fitted * real(lengths, samples)
