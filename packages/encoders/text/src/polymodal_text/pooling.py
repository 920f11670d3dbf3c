"""From the tokens of a sequence to one vector."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Average tokens [present, length, dim] over the real ones, to [present, dim]."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def last_token(tokens: Tensor, mask: Tensor) -> Tensor:
    """Take the last real token of tokens [present, length, dim], to [present, dim]."""
    places = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, places, 0).amax(dim=1)
    return tokens[torch.arange(len(tokens), device=tokens.device), last]
