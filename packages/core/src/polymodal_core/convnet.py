"""A small convolutional network that keeps where things are, for encoders trained from scratch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from polymodal_core.batch import Features

COARSEST = 6
"""A side at most this long ends the halving: 64 px come to 4 x 4, 224 px to 4 x 4."""


class ResidualConvolution(nn.Module):
    """A 3 x 3 convolution with group normalisation around which the input is carried."""

    def __init__(self, channels: int) -> None:
        """Build the block; it keeps shape [present, channels, height, width]."""
        super().__init__()
        self.body = _convolution(channels, channels, stride=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Add to the maps what the convolution finds."""
        found: Tensor = self.body(maps)
        return maps + found


class SpatialConvNet(nn.Module):
    """Map square pictures [present, channels, size, size] to features with spatial layout.

    Stages of a strided 3 x 3 convolution and `depth` residual ones halve the side until a coarse
    map is left; channels double from `width` on, up to eightfold. The cells of the map are the
    tokens, and `pooled` is a linear layer over the whole map: an average over it would forget
    which thing is to the left of which. Group normalisation makes a value's features independent
    of the rest of its batch. With `stride`, halving ends where a cell is so many pixels wide, which
    is the last stage, and `pooled` is of the map averaged down to COARSEST cells a side.
    """

    def __init__(
        self,
        channels: int,
        *,
        size: int,
        width: int = 24,
        depth: int = 0,
        stride: int | None = None,
    ) -> None:
        """Build the network for pictures of `size` pixels a side."""
        super().__init__()
        stages: list[nn.Module] = []
        side, wide, narrow, cell = size, width, channels, 1
        while side > COARSEST or not stages:
            if cell == stride:
                break
            stages.append(_convolution(narrow, wide, stride=2))
            side, cell = (side + 1) // 2, 2 * cell
            # Fine maps cost most and say least: residual convolutions start at a quarter.
            if len(stages) > 2:
                stages += [ResidualConvolution(wide) for _ in range(depth)]
            narrow, wide = wide, min(2 * wide, 8 * width)
        self.side = side
        self.feature_dim = narrow
        self.stages = nn.Sequential(*stages)
        self.coarse = min(side, COARSEST) if stride is not None else side
        self.pool = nn.Linear(narrow * self.coarse * self.coarse, narrow)

    def forward(self, pictures: Tensor) -> Features:
        """Give pooled [present, feature_dim] and tokens [present, side * side, feature_dim]."""
        maps = self.stages(pictures)
        tokens = maps.flatten(2).transpose(1, 2)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        pooled = maps if self.coarse == self.side else F.adaptive_avg_pool2d(maps, self.coarse)
        return Features(self.pool(pooled.flatten(1)), tokens, mask, grid=(self.side, self.side))


def _convolution(narrow: int, wide: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(_groups(wide), wide),
        nn.ReLU(inplace=True),
    )


def _groups(channels: int) -> int:
    return next(count for count in (8, 4, 2, 1) if channels % count == 0)
