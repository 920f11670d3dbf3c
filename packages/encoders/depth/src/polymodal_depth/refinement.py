"""The refinement head: depth that was hidden from the encoder, made up again from its features."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from polymodal_core.batch import Features
from torch import Tensor, nn

BLOCKS = 8
"""Blocks along a side, each of which is hidden or not."""

CHANNELS = 16


class RefinedEncoder(nn.Module):
    """An encoder of depth with an auxiliary task in training (trimodal-fusion, section 3).

    In training, each of `BLOCKS` x `BLOCKS` blocks of a map is hidden from the encoder with
    probability `hidden`: no depth, no validity, as where a sensor has no reading. From the
    encoder's map of features and what is left of the depth, a small head tells the depth of the
    hidden pixels; the mean of its absolute errors over those that have a reading, times `weight`,
    is the auxiliary loss. In that mean a pixel counts by its validity, 1 for a measured reading and
    its confidence for an estimated one: what is not certain teaches little (section 4.2). The paper
    names the head and no more. In eval mode nothing is hidden, and the head has no part.
    """

    def __init__(self, encoder: nn.Module, *, weight: float, hidden: float) -> None:
        """Wrap an encoder whose tokens are the cells of a square map."""
        super().__init__()
        self.backbone = encoder
        self.feature_dim = int(cast("int", encoder.feature_dim))
        self.weight, self.hidden = weight, hidden
        self.project = nn.Linear(self.feature_dim, CHANNELS)
        self.refine = nn.Sequential(
            nn.Conv2d(CHANNELS + 2, CHANNELS, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(CHANNELS, 1, 3, padding=1),
        )

    def finish(self, features: Features) -> Features:
        """Leave features of the encoder as they are: the head is behind them, not on the way."""
        return features

    def forward(self, inputs: Tensor) -> Features:
        """Encode depth and validity [present, 2, size, size]."""
        if not self.training:
            return cast("Features", self.backbone(inputs))
        seen = inputs * ~self.draw(inputs)
        found = cast("Features", self.backbone(seen))
        wanted = inputs[:, 1] - seen[:, 1]
        error = (self.reconstruct(found, seen) - inputs[:, 0]).abs()
        # Without a hidden reading the mean is over nothing: 0, with a graph.
        count = wanted.sum()
        loss = (error * wanted).sum() / torch.where(count > 0, count, 1)
        return replace(found, auxiliary=self.weight * loss, auxiliary_count=count)

    def draw(self, inputs: Tensor) -> Tensor:
        """Draw which pixels are hidden: bool [present, 1, size, size]."""
        blocks = torch.rand(len(inputs), 1, BLOCKS, BLOCKS, device=inputs.device) < self.hidden
        return F.interpolate(blocks.float(), size=inputs.shape[2:]) > 0.5

    def reconstruct(self, features: Features, seen: Tensor) -> Tensor:
        """Tell depth [present, size, size] from features and what is `seen` of the inputs."""
        tokens = cast("Tensor", features.tokens)
        side = math.isqrt(tokens.shape[1])
        maps = self.project(tokens).transpose(1, 2).unflatten(2, (side, side))
        fine = F.interpolate(
            maps.float(), size=seen.shape[2:], mode="bilinear", align_corners=False
        )
        return cast("Tensor", self.refine(torch.cat([fine, seen], dim=1)))[:, 0].float()
