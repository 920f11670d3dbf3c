"""The default encoder of depth maps: small, trained from scratch, aware of places."""

from __future__ import annotations

from typing import cast

from polymodal_core.batch import Features
from polymodal_core.convnet import SpatialConvNet
from torch import Tensor, nn

from polymodal_depth.validity import coverage


class ConvNetEncoder(nn.Module):
    """Map depth and validity [present, 2, size, size] to features.

    Both channels go through the network, which so learns what a hole looks like, and what an
    estimate of little confidence does. Tokens are cells
    of a coarse map, masked where no pixel of a cell has a reading.
    """

    def __init__(
        self, channels: int, *, size: int, width: int, depth: int, stride: int | None = None
    ) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.network = SpatialConvNet(channels, size=size, width=width, depth=depth, stride=stride)
        self.feature_dim = self.network.feature_dim

    def forward(self, inputs: Tensor) -> Features:
        """Give pooled [present, feature_dim] and tokens [present, cells, feature_dim]."""
        found = cast("Features", self.network(inputs))
        side = self.network.side
        mask = coverage(inputs[:, 1], height=side, width=side) > 0
        return Features(found.pooled, found.tokens, mask, grid=found.grid)
