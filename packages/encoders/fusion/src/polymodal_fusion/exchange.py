"""How streams of a side exchange: through bottleneck tokens, or every one with every other."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from polymodal_fusion.attention import Attention
from polymodal_fusion.streams import Streams

Form = Literal["bottleneck", "pairwise"]


class BottleneckExchange(nn.Module):
    """A few summary tokens read from each stream, and each stream reads them back.

    What they find in the streams is averaged over the columns that a row has, as the bottlenecks
    of Nagrani et al. 2021 (arXiv 2107.00135) are: a long stream does not drown a short one, and
    the cost is linear in the number of columns. All columns share the weights.
    """

    def __init__(self, width: int, *, heads: int, dropout: float = 0.0) -> None:
        """Build both attentions."""
        super().__init__()
        self.summary_norm, self.token_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.back_norm = nn.LayerNorm(width)
        self.read = Attention(width, heads=heads, dropout=dropout)
        self.write = Attention(width, heads=heads, dropout=dropout)

    def forward(self, streams: Streams) -> Streams:
        """Read, then write."""
        asking = self.summary_norm(streams.summary)
        normed = {column: self.token_norm(tokens) for column, tokens in streams.tokens.items()}
        found = {
            column: self.read(asking[streams.rows[column]], tokens, streams.mask[column])
            for column, tokens in normed.items()
        }
        summary = streams.summary + streams.gathered(found)
        back = self.back_norm(summary)
        tokens = {
            column: streams.tokens[column] + self.write(normed[column], back[streams.rows[column]])
            for column in streams.columns
        }
        return streams.replaced(tokens, summary)

    def operations(self, lengths: list[int], bottleneck: int) -> int:
        """Count the multiply-adds of a row that has streams of these lengths."""
        return sum(
            self.read.operations(bottleneck, length) + self.write.operations(length, bottleneck)
            for length in lengths
        )


class PairwiseExchange(nn.Module):
    """The queries of each stream over keys and values of each other one (trimodal-fusion, 3).

    What a stream finds is averaged over the partners that its row has, by their confidence. The
    cost grows with the square of the number of columns.
    """

    def __init__(self, width: int, *, heads: int, dropout: float = 0.0) -> None:
        """Build the attention, which all ordered pairs of columns share."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.cross = Attention(width, heads=heads, dropout=dropout)

    def forward(self, streams: Streams) -> Streams:
        """Let every stream read from the others."""
        normed = {column: self.norm(tokens) for column, tokens in streams.tokens.items()}
        return streams.replaced(
            {column: self._read(streams, normed, column) for column in streams.columns}
        )

    def operations(self, lengths: list[int], bottleneck: int) -> int:
        """Count the multiply-adds of a row that has streams of these lengths."""
        return sum(
            self.cross.operations(own, other)
            for number, own in enumerate(lengths)
            for place, other in enumerate(lengths)
            if place != number
        )

    def _read(self, streams: Streams, normed: dict[str, Tensor], column: str) -> Tensor:
        own, rows = streams.tokens[column], streams.rows[column]
        size = len(streams.summary)
        found = torch.zeros_like(own)
        total = own.new_zeros(len(own))
        for other in streams.columns:
            if other == column:
                continue
            there = torch.full((size,), -1, dtype=torch.int64, device=rows.device)
            there[streams.rows[other]] = torch.arange(len(streams.rows[other]), device=rows.device)
            mine = (there[rows] >= 0).nonzero().flatten()
            theirs = there[rows[mine]]
            share = streams.confidence[other][theirs].to(own.dtype)
            read = self.cross(
                normed[column][mine], normed[other][theirs], streams.mask[other][theirs]
            )
            found = found.index_add(0, mine, (read * share[:, None, None]).to(own.dtype))
            total = total.index_add(0, mine, share)
        return own + found / torch.where(total > 0, total, 1.0)[:, None, None]


def build_exchange(
    form: Form, width: int, *, heads: int, dropout: float
) -> BottleneckExchange | PairwiseExchange:
    """Build the exchange of a form."""
    if form == "bottleneck":
        return BottleneckExchange(width, heads=heads, dropout=dropout)
    return PairwiseExchange(width, heads=heads, dropout=dropout)
