"""From pixels to what a network takes, on the batch and on the network's device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Map uint8 pictures [present, channels, height, width] to float32 of mean 0 and deviation 1.

    `mean` and `std` are of values in 0..1, one per channel. They come from the recipe, so that
    they are no part of a checkpoint's weights.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Keep 255 times both, for values in 0..255."""
        super().__init__()
        for name, values in (("offset", mean), ("spread", std)):
            scaled = 255 * torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, scaled, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Subtract the mean, divide by the deviation."""
        offset, spread = cast("Tensor", self.offset), cast("Tensor", self.spread)
        return (pictures.float() - offset) / spread
