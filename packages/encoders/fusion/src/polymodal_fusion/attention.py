"""Multi-head attention and the pre-norm transformer block, with their counts of operations."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Queries of one sequence, keys and values of another; both are normalised by the caller.

    What comes out is 0 at first, as from `FeedForward`: residual streams start as they came in, so
    that a fusion begins as towers and learns as fast.
    """

    def __init__(self, width: int, *, heads: int, dropout: float = 0.0) -> None:
        """Build with `heads` heads of `width / heads` dimensions each."""
        super().__init__()
        self.width, self.heads = width, heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = _zeros(nn.Linear(width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map queries [rows, queries, width] over context [rows, keys, width] to their shape.

        `mask` [rows, keys] is bool, True where a key is real, or float, added to the scores. Every
        row needs a real key.
        """
        q, k, v = self._heads(queries, context)
        given = None if mask is None else mask[:, None, None, :]
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=given)
        return self._joined(found)

    def with_weights(
        self, queries: Tensor, context: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Do the same, and give the weights [rows, heads, queries, keys] too."""
        q, k, v = self._heads(queries, context)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        if mask is not None and mask.dtype == torch.bool:
            scores = scores.masked_fill(~mask[:, None, None, :], -torch.inf)
        elif mask is not None:
            scores = scores + mask[:, None, None, :]
        weights = scores.softmax(dim=-1)
        return self._joined(weights.to(v.dtype) @ v), weights

    def operations(self, queries: int, keys: int) -> int:
        """Count the multiply-adds of a row: projections, scores and weighted sums."""
        projections = 2 * self.width**2 * (queries + keys)
        return projections + 2 * self.width * queries * keys

    def _heads(self, queries: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key, value = self.key_value(context).chunk(2, dim=-1)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(queries), key, value)
        )
        return q, k, v

    def _joined(self, found: Tensor) -> Tensor:
        return cast("Tensor", self.dropout(self.out(found.transpose(1, 2).flatten(2))))


class FeedForward(nn.Module):
    """Two linear layers with GELU between, around which the input is carried; pre-norm."""

    def __init__(self, width: int, *, hidden: int, dropout: float = 0.0) -> None:
        """Build with one hidden layer."""
        super().__init__()
        self.width, self.hidden = width, hidden
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            _zeros(nn.Linear(hidden, width)),
            nn.Dropout(dropout),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [rows, length, width] to the same."""
        return tokens + cast("Tensor", self.layers(self.norm(tokens)))

    def operations(self, length: int) -> int:
        """Count the multiply-adds of a row."""
        return 2 * self.width * self.hidden * length


class Block(nn.Module):
    """Self-attention, then a feed-forward layer, both pre-norm and residual."""

    def __init__(self, width: int, *, heads: int, hidden: int, dropout: float = 0.0) -> None:
        """Build the block."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads=heads, dropout=dropout)
        self.feed_forward = FeedForward(width, hidden=hidden, dropout=dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Map tokens [rows, length, width], real where `mask` [rows, length] says so."""
        normed = self.norm(tokens)
        tokens = tokens + self.attention(normed, normed, mask)
        return cast("Tensor", self.feed_forward(tokens))

    def operations(self, length: int) -> int:
        """Count the multiply-adds of a row."""
        return self.attention.operations(length, length) + self.feed_forward.operations(length)


def _zeros(linear: nn.Linear) -> nn.Linear:
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
