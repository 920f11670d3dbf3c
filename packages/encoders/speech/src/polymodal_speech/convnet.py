"""The default encoder of speech: small, from scratch, on log-mel spectrograms."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from polymodal_core.batch import Features
from torch import Tensor, nn

from polymodal_speech.log_mel import LogMel
from polymodal_speech.pooling import AttentiveMaximum


class MaskedConvolution(nn.Module):
    """A convolution over time (and frequency), group normalisation within each frame, and ReLU.

    Frames that are padding are zero going in and coming out, as if the recording ended there, and
    no frame is normalised by another: so that a recording's features do not depend on what it is
    batched with. A stride halves the frames, and the mask with them.
    """

    def __init__(self, convolution: nn.Conv1d | nn.Conv2d) -> None:
        """Wrap a convolution of stride 1 or 2, padded so that frame i sees 2 i in its middle."""
        super().__init__()
        self.convolution = convolution
        self.stride = int(convolution.stride[0])
        channels = convolution.out_channels
        self.norm = nn.GroupNorm(next(n for n in (8, 4, 2, 1) if channels % n == 0), channels)

    def forward(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map [present, channels, length, ...] and its mask [present, length]."""
        mask = mask[:, :: self.stride]
        found = self.convolution(frames)
        # One frame after the other: GroupNorm would else average over time.
        single = found.transpose(1, 2).flatten(0, 1)
        normal = self.norm(single).unflatten(0, mask.shape).transpose(1, 2)
        real = mask.view(len(mask), 1, -1, *[1] * (found.ndim - 3))
        return F.relu(normal) * real, mask


class SpeechConvNet(nn.Module):
    """Map `waveform` [present, samples] and `lengths` [present] to features [present, width].

    Two strided convolutions over time and frequency, one that joins all frequencies, and `depth`
    residual ones over time with ever wider reach; 100 ms a token in the end.
    """

    def __init__(self, *, rate: int, bands: int, channels: int, width: int, depth: int) -> None:
        """Build for a sample rate in Hz, with random weights."""
        super().__init__()
        self.feature_dim = width
        self.log_mel = LogMel(rate=rate, bands=bands)
        joined = 2 * channels * -(-bands // 4)
        self.first = MaskedConvolution(nn.Conv2d(1, channels, 3, stride=2, padding=1, bias=False))
        self.second = MaskedConvolution(
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False)
        )
        self.joining = MaskedConvolution(
            nn.Conv1d(joined, width, 3, stride=2, padding=1, bias=False)
        )
        self.blocks = nn.ModuleList(
            MaskedConvolution(
                nn.Conv1d(width, width, 5, padding=2 * reach, dilation=reach, bias=False)
            )
            for reach in (min(1 << block // 2, 4) for block in range(depth))
        )
        self.pool = AttentiveMaximum(width, heads=next(n for n in (4, 2, 1) if width % n == 0))

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode; tokens are [present, length, width] with their mask."""
        with torch.no_grad():
            frames, mask = self.log_mel(inputs)
        frames, mask = self.first(frames[:, None], mask)
        frames, mask = self.second(frames, mask)
        frames, mask = self.joining(frames.transpose(2, 3).flatten(1, 2), mask)
        for block in self.blocks:
            frames = frames + block(frames, mask)[0]
        tokens = frames.transpose(1, 2)
        return Features(cast("Tensor", self.pool(tokens, mask)), tokens, mask)
