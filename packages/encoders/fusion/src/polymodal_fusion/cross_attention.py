"""Cross-modal attention: one column's tokens ask the tokens of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError, suggest
from polymodal_core.fusion import Fused
from torch import Tensor, nn

from polymodal_fusion.attention import Attention, FeedForward
from polymodal_fusion.base import SideFusion
from polymodal_fusion.sides import ExchangeWithin
from polymodal_fusion.streams import StreamInput

Streams = dict[str, tuple[Tensor, Tensor]]
"""Tokens [present, length, width] and mask [present, length] of each column."""


class CrossAttentionLayer(nn.Module):
    """Multi-head attention from one stream to the others, residual, then a feed-forward layer."""

    def __init__(self, width: int, *, heads: int, hidden: int, dropout: float) -> None:
        """Build the layer; all auxiliaries share its weights. `hidden` 0: no feed-forward layer."""
        super().__init__()
        self.asking_norm, self.asked_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads=heads, dropout=dropout)
        self.feed_forward = (
            FeedForward(width, hidden=hidden, dropout=dropout) if hidden > 0 else None
        )

    def forward(
        self, tokens: Tensor, others: Streams, places: Mapping[str, tuple[Tensor, Tensor]]
    ) -> Tensor:
        """Update tokens [present, length, width].

        `places[column]` are the rows of `tokens` that have an auxiliary, and where in its stream.
        What a row finds is averaged over the auxiliaries that it has; without one, nothing is
        added.
        """
        asking = self.asking_norm(tokens)
        found = torch.zeros_like(tokens)
        count = tokens.new_zeros(len(tokens))
        for column, (mine, theirs) in places.items():
            stream, mask = others[column]
            read = self.attention(asking[mine], self.asked_norm(stream[theirs]), mask[theirs])
            found = found.index_add(0, mine, read.to(found.dtype))
            count = count.index_add(0, mine, torch.ones_like(mine, dtype=count.dtype))
        tokens = tokens + found / count.clamp(min=1)[:, None, None]
        return tokens if self.feed_forward is None else cast("Tensor", self.feed_forward(tokens))

    def operations(self, length: int, others: list[int]) -> int:
        """Count the multiply-adds of a row whose streams have these lengths."""
        done = sum(self.attention.operations(length, other) for other in others)
        return done + (0 if self.feed_forward is None else self.feed_forward.operations(length))


class CrossAttention(SideFusion):
    """The cross-modal attention of cross-modal-transfer, section 3.2, over any auxiliaries.

    The tokens of the column `visual`, its pooled vector first, are queries; those of every other
    column on its side are keys and values, `layers` times, with residual connections. Its output
    [present, width] is its first token, normalised; `Fused.tokens` are all others. Where a row
    lacks the auxiliaries, that is to the last bit what `visual` gives alone. Auxiliaries ask
    nothing: their outputs are their own pooled vectors and tokens, projected and normalised.

    A row's embedding (`Model.combine`) is that of `visual` where the row has it; else the mean of
    its auxiliaries'. Under a classification loss no columns are compared, so that nothing can leak;
    under one that compares columns the sides are disjoint, as in every fusion.
    """

    def __init__(  # noqa: PLR0913
        self,
        feature_dims: Mapping[str, int],
        *,
        visual: str = "image",
        width: int = 768,
        layers: int = 1,
        heads: int = 8,
        feed_forward: int = 2,
        dropout: float = 0.0,
        exchange: ExchangeWithin = "sides",
        alone: float = 0.5,
    ) -> None:
        """Build for columns with features of these widths."""
        super().__init__(feature_dims, feature_dim=width, exchange=exchange, alone=alone)
        if visual not in feature_dims:
            raise PolymodalError(
                f"fusion.visual: there is no column '{visual}'{suggest(visual, feature_dims)}"
            )
        if width % heads:
            raise PolymodalError(
                f"fusion.heads = {heads} does not divide fusion.width = {width}; choose a width "
                f"such as {heads * max(1, width // heads)}"
            )
        self.visual, self.width = visual, width
        self.inputs = nn.ModuleList(StreamInput(dim, width=width) for dim in feature_dims.values())
        self.layers = nn.ModuleList(
            CrossAttentionLayer(width, heads=heads, hidden=feed_forward * width, dropout=dropout)
            for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in feature_dims)

    def fuse_together(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor],
        *,
        size: int,
        attention: bool,
    ) -> Fused:
        """Fuse columns that all see each other; there are no maps of shared blocks."""
        streams: Streams = {
            column: self.inputs[self.place[column]](features[column])
            for column in sorted(features, key=self.place.__getitem__)
        }
        every = {column: tokens for column, (tokens, _) in streams.items()}
        first = {column: tokens[:, 0] for column, tokens in every.items()}
        weights = {column: found.new_ones(len(found)) for column, found in first.items()}
        if self.visual in streams:
            tokens, _ = streams.pop(self.visual)
            places = _places(rows, self.visual, list(streams), size)
            for layer in self.layers:
                tokens = layer(tokens, streams, places)
            every[self.visual] = tokens
            first[self.visual] = tokens[:, 0]
            seen = torch.zeros(size, dtype=torch.bool, device=tokens.device)
            seen[rows[self.visual]] = True
            for column in streams:
                weights[column] = (~seen[rows[column]]).to(weights[column].dtype)
        return Fused(
            {column: self.norms[self.place[column]](found) for column, found in first.items()},
            weights,
            tokens={
                column: self.norms[self.place[column]](tokens[:, 1:])
                for column, tokens in every.items()
            },
        )

    def operations_together(self, lengths: Mapping[str, int]) -> int:
        """Count the multiply-adds of a row: matrix products, without norms and activations."""
        done = sum(
            cast("StreamInput", self.inputs[self.place[name]]).operations(length)
            for name, length in lengths.items()
        )
        if self.visual not in lengths:
            return done
        others = [1 + length for name, length in lengths.items() if name != self.visual]
        asked = 1 + lengths[self.visual]
        return done + sum(
            cast("CrossAttentionLayer", layer).operations(asked, others) for layer in self.layers
        )


def _places(
    rows: Mapping[str, Tensor], visual: str, others: list[str], size: int
) -> dict[str, tuple[Tensor, Tensor]]:
    # Of each auxiliary, the visual column's rows that have it, and where it holds them.
    found = {}
    own = rows[visual]
    for column in others:
        there = torch.full((size,), -1, dtype=torch.int64, device=own.device)
        there[rows[column]] = torch.arange(len(rows[column]), device=own.device)
        mine = (there[own] >= 0).nonzero().flatten()
        found[column] = (mine, there[own[mine]])
    return found
