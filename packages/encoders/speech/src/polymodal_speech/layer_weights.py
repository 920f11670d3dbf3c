"""A learned average of the layers of a frozen or tuned backbone."""

from __future__ import annotations

import torch
from polymodal_core.batch import Features
from torch import Tensor, nn


class LayerWeights(nn.Module):
    """Average all hidden states by weights that are learned, a softmax over layers.

    SUPERB's weighted sum (Yang et al. 2021, section 3.3): every layer counts the same at first.
    """

    def __init__(self, layers: int) -> None:
        """Start with equal weights for so many layers."""
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers))

    def forward(self, features: Features) -> Features:
        """Map `pooled` [present, layers, dim] to [present, dim].

        `tokens` [present, length, layers, dim], where there are any, become [present, length, dim].
        """
        weights = self.logits.softmax(dim=0)
        tokens = None if features.tokens is None else _average(features.tokens, weights)
        return Features(_average(features.pooled, weights), tokens, features.mask)


def _average(states: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("...ld,l->...d", states, weights.to(states.dtype))
