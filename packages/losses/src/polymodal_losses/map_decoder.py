"""A small decoder from a coarse map of tokens to scores of every pixel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class MapDecoder(nn.Module):
    """Score every pixel for the classes, from a map of tokens.

    A 1 x 1 convolution to `channels`, to which the map's mean is added (what is seen in the whole
    picture, as in ParseNet, Liu et al. 2015); a residual convolution at the map's own resolution
    and one at twice that; a 1 x 1 convolution to the classes; the rest bilinear. Group
    normalisation makes a map's scores independent of the rest of its batch.
    """

    def __init__(self, width: int, *, classes: int, channels: int) -> None:
        """Build the decoder of maps of `width` channels."""
        super().__init__()
        self.project = nn.Conv2d(width, channels, 1)
        self.whole = nn.Linear(width, channels)
        self.coarse, self.fine = _convolution(channels), _convolution(channels)
        self.classes = nn.Conv2d(channels, classes, 1)

    def forward(self, maps: Tensor, *, size: int) -> Tensor:
        """Map [rows, width, height, width of it] to scores [rows, classes, size, size]."""
        found = self.project(maps) + self.whole(maps.mean(dim=(2, 3)))[:, :, None, None]
        found = found + self.coarse(found)
        found = F.interpolate(found, scale_factor=2.0, mode="bilinear", align_corners=False)
        found = self.classes(found + self.fine(found))
        return F.interpolate(found, size=(size, size), mode="bilinear", align_corners=False)


def _convolution(channels: int) -> nn.Sequential:
    groups = next(count for count in (8, 4, 2, 1) if channels % count == 0)
    return nn.Sequential(
        nn.GroupNorm(groups, channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
    )
