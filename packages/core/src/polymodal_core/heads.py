"""Projection heads: from an encoder's features to unit vectors of the shared space."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from polymodal_core.shapes import ShapeError


class ResidualBlock(nn.Module):
    """A feed-forward block with residual connection and LayerNorm last (pcmc-pcmr, section 4)."""

    def __init__(self, dim: int, *, hidden: int, dropout: float = 0.0) -> None:
        """Build the block of width `dim` with one hidden layer."""
        super().__init__()
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map [present, dim] to [present, dim]."""
        normed: Tensor = self.norm(hidden + self.feed_forward(hidden))
        return normed


class ProjectionHead(nn.Module):
    """Map features [present, feature_dim] to unit vectors [present, dim].

    Raises ShapeError for `identity` over features of another width than the space.
    """

    def __init__(
        self, kind: str, *, feature_dim: int, dim: int, hidden: int, dropout: float = 0.0
    ) -> None:
        """Build a `linear`, `mlp`, `residual` or `identity` head."""
        super().__init__()
        self.projection: nn.Module
        match kind:
            case "linear":
                self.projection = nn.Linear(feature_dim, dim)
            case "mlp":
                self.projection = nn.Sequential(
                    nn.Linear(feature_dim, hidden),
                    nn.ReLU(),
                    nn.Dropout(dropout),
                    nn.Linear(hidden, dim),
                )
            case "residual":
                self.projection = nn.Sequential(
                    nn.Linear(feature_dim, dim), ResidualBlock(dim, hidden=hidden, dropout=dropout)
                )
            case "identity":
                if feature_dim != dim:
                    raise ShapeError(
                        f"head 'identity' needs features as wide as the space: the encoder gives "
                        f"{feature_dim}, embedding.dim is {dim}; set embedding.dim = {feature_dim} "
                        f"or use head kind 'linear'"
                    )
                self.projection = nn.Identity()
            case _:
                raise ShapeError(f"head kind '{kind}'; accepted: linear, mlp, residual, identity")

    def forward(self, features: Tensor) -> Tensor:
        """Map [present, feature_dim] to unit vectors [present, dim], in float32 at least."""
        projected = self.projection(features)
        if projected.dtype in (torch.float16, torch.bfloat16):
            projected = projected.float()
        return F.normalize(projected, dim=-1)
