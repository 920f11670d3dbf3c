"""From the frames of a recording to one vector; frames that are padding count nothing."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


def masked_mean(frames: Tensor, mask: Tensor) -> Tensor:
    """Average frames [present, length, ...] over the real ones of mask [present, length]."""
    weights = mask.to(frames.dtype)
    weights = weights / weights.sum(dim=1, keepdim=True)
    return (frames * weights.view(*mask.shape, *[1] * (frames.ndim - 2))).sum(dim=1)


class AttentiveMaximum(nn.Module):
    """Pool frames [present, length, width] to [present, width]: what is usual, what stands out.

    An average whose weights each of `heads` groups of channels learns for itself (self-attentive
    pooling, Lin et al. 2017), beside the maximum of every channel over time, brought together by
    a linear layer. The maximum hears a word wherever it is said.
    """

    def __init__(self, width: int, *, heads: int) -> None:
        """Build for frames of `width` channels, a multiple of `heads`."""
        super().__init__()
        self.scores = nn.Linear(width, heads)
        self.join = nn.Linear(2 * width, width)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Pool over the real frames of mask [present, length]."""
        padding = ~mask[:, :, None]
        weights = self.scores(frames).masked_fill(padding, -torch.inf).softmax(dim=1)
        grouped = frames.unflatten(2, (weights.shape[2], -1))
        average = (grouped * weights[..., None]).sum(dim=1).flatten(1)
        largest = frames.masked_fill(padding, -torch.inf).amax(dim=1)
        return cast("Tensor", self.join(torch.cat([average, largest], dim=1)))
