"""From the tokens of a sequence to one vector."""

from __future__ import annotations

from torch import Tensor


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Average tokens [present, length, dim] over the real ones, to [present, dim]."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
