"""The default encoder of pictures: small, trained from scratch, aware of places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from polymodal_core.batch import Features
from polymodal_core.convnet import SpatialConvNet
from torch import Tensor, nn

from polymodal_image.normalise import Normalise


class ConvNetEncoder(nn.Module):
    """Map uint8 pictures [present, 3, size, size] to features; tokens are cells of a coarse map."""

    def __init__(
        self,
        channels: int,
        *,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        width: int,
        depth: int,
        stride: int | None = None,
    ) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.normalise = Normalise(mean, std)
        self.network = SpatialConvNet(channels, size=size, width=width, depth=depth, stride=stride)
        self.feature_dim = self.network.feature_dim

    def forward(self, inputs: Tensor) -> Features:
        """Give pooled [present, feature_dim] and tokens [present, cells, feature_dim]."""
        return cast("Features", self.network(self.normalise(inputs)))
