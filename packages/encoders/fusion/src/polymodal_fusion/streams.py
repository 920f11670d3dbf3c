"""The streams of a side: each column's tokens in the width of the fusion, and the summary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from polymodal_core.batch import Features
from torch import Tensor, nn


@dataclass(frozen=True)
class Streams:
    """What one side holds while it is fused.

    `tokens[column]` [present, length, width] with `mask[column]` bool [present, length]; the first
    token is the column's pooled vector, and always real. `rows[column]` [present] are the rows,
    out of `size`, that have the column. `summary` [size, bottleneck, width] are the tokens that
    read from all streams. `confidence[column]` [present] is above 0.
    """

    tokens: Mapping[str, Tensor]
    mask: Mapping[str, Tensor]
    rows: Mapping[str, Tensor]
    confidence: Mapping[str, Tensor]
    summary: Tensor

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.tokens)

    def replaced(self, tokens: Mapping[str, Tensor], summary: Tensor | None = None) -> Streams:
        """Give the same streams with other values."""
        return replace(self, tokens=tokens, summary=self.summary if summary is None else summary)

    def shares(self) -> dict[str, Tensor]:
        """Give each column's part [present] of its row: confidences that sum to 1 over a row."""
        total = self.summary.new_zeros(len(self.summary))
        for column, confidence in self.confidence.items():
            total = total.index_add(0, self.rows[column], confidence.to(total.dtype))
        return {
            column: confidence / total[self.rows[column]].to(confidence.dtype)
            for column, confidence in self.confidence.items()
        }

    def gathered(self, found: Mapping[str, Tensor]) -> Tensor:
        """Average what the summary found in each column [present, bottleneck, width], by share.

        Absent values are not added, so that they change nothing, to the last bit.
        """
        total = torch.zeros_like(self.summary)
        for column, share in self.shares().items():
            part = found[column] * share[:, None, None].to(found[column].dtype)
            total = total.index_add(0, self.rows[column], part.to(total.dtype))
        return total


class StreamInput(nn.Module):
    """From an encoder's features to a stream: a projection each for pooled vector and tokens.

    Tokens get sinusoids of their place, with a gain that is learned, since the cells of a
    convolutional map do not say where they are.
    """

    def __init__(self, feature_dim: int, *, width: int) -> None:
        """Build for features of `feature_dim` dimensions."""
        super().__init__()
        self.feature_dim, self.width = feature_dim, width
        self.pooled = nn.Linear(feature_dim, width)
        self.tokens = nn.Linear(feature_dim, width)
        self.column = nn.Parameter(0.02 * torch.randn(width))
        self.gain = nn.Parameter(torch.tensor(0.1))

    def forward(self, features: Features) -> tuple[Tensor, Tensor]:
        """Give the stream [present, 1 + length, width] and its mask; without tokens length is 0."""
        first = self.pooled(features.pooled)[:, None] + self.column
        mask = torch.ones(first.shape[:2], dtype=torch.bool, device=first.device)
        if features.tokens is None:
            return first, mask
        real = features.mask
        if real is None:
            real = torch.ones(features.tokens.shape[:2], dtype=torch.bool, device=first.device)
        # Before the projection: whatever padding holds, NaN included, reaches no gradient.
        given = features.tokens.masked_fill(~real[:, :, None], 0.0)
        places = sinusoids(given.shape[1], self.width).to(first)
        tokens = self.tokens(given) + self.column + self.gain * places
        return torch.cat([first, tokens], dim=1), torch.cat([mask, real], dim=1)

    def operations(self, length: int) -> int:
        """Count the multiply-adds of a row with `length` tokens."""
        return self.feature_dim * self.width * (1 + length)


def sinusoids(length: int, width: int) -> Tensor:
    """Give the position codes [length, width] of Vaswani et al. 2017 (arXiv 1706.03762, 3.5)."""
    half = (width + 1) // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half) / half)
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]
