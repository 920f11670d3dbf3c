"""Log-mel spectrograms of a batch, each the same as if it were alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from polymodal_speech.frames import count_frames, real, silenced
from polymodal_speech.pooling import masked_mean

WINDOW, HOP = 0.025, 0.0125
"""Seconds."""
LOWEST = 60.0
"""Hz below which voices have nothing to say."""
FLOOR = 1e-6
"""Added to the power before the logarithm: about the noise of 16-bit recordings."""


class LogMel(nn.Module):
    """Map `waveform` [present, samples] and `lengths` to log-mel frames and the mask of real ones.

    25 ms windows every 12.5 ms, never centred: a window sees the same samples whatever the batch is
    padded to. Every recording has mean 0 in every band and deviation 1 over all of them, so that
    loudness and the microphone's colour are gone.
    """

    mel: Tensor
    taper: Tensor

    def __init__(self, *, rate: int, bands: int) -> None:
        """Build for a sample rate in Hz and a number of mel bands."""
        super().__init__()
        self.window, self.hop = round(WINDOW * rate), max(1, round(HOP * rate))
        mel = melscale_fbanks(self.window // 2 + 1, LOWEST, rate / 2, bands, rate)
        self.register_buffer("mel", mel, persistent=False)
        self.register_buffer("taper", torch.hann_window(self.window), persistent=False)

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Give frames [present, length, bands], zero where padding, and mask [present, length]."""
        counts = count_frames(inputs["lengths"], window=self.window, hop=self.hop)
        longest = int(counts.max())
        samples = (longest - 1) * self.hop + self.window
        waveform = silenced(inputs["waveform"], inputs["lengths"], samples=samples)
        mask = real(counts, longest)
        # Of real frames alone: in a batch of recordings, a third of all frames can be padding.
        spectrum = torch.fft.rfft(waveform.unfold(1, self.window, self.hop)[mask] * self.taper)
        power = spectrum.real.square() + spectrum.imag.square()
        logs = (power @ self.mel + FLOOR).log()
        frames = logs.new_zeros(*mask.shape, logs.shape[1])
        frames[mask] = logs
        frames = frames - masked_mean(frames, mask)[:, None]
        spread = masked_mean(frames.square().mean(dim=2), mask).sqrt()
        # A recording of nothing but silence has no spread.
        frames = frames / spread.clamp(min=1e-3)[:, None, None]
        return frames * mask[:, :, None], mask
