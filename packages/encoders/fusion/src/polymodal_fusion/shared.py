"""Shared blocks: transformer blocks with one set of weights over all streams of a side."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from polymodal_fusion.attention import Attention, FeedForward
from polymodal_fusion.exchange import Form
from polymodal_fusion.streams import Streams


class SharedBlock(nn.Module):
    """A pre-norm block over the concatenated streams and the summary tokens.

    `pairwise`: every token attends to all tokens of its row, at a cost that is quadratic in their
    number. `bottleneck`: a token attends to its own stream and to the summary, and the summary to
    itself and to each stream, averaged by share: linear in the number of columns.
    """

    def __init__(
        self, width: int, *, heads: int, hidden: int, form: Form, dropout: float = 0.0
    ) -> None:
        """Build the block."""
        super().__init__()
        self.form: Form = form
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads=heads, dropout=dropout)
        self.feed_forward = FeedForward(width, hidden=hidden, dropout=dropout)

    def forward(
        self, streams: Streams, *, attention: bool = False
    ) -> tuple[Streams, dict[str, Tensor]]:
        """Update tokens and summary.

        With `attention`, also give how attention spreads over each column's tokens: [present,
        heads, bottleneck + 1, length], that of the summary tokens and, last, of the column's own
        first token. Over the columns of a row, a summary token's sum to what it does not give to
        the summary.
        """
        attend = self._by_summary if self.form == "bottleneck" else self._over_all
        tokens, summary, maps = attend(streams, attention)
        return (
            streams.replaced(
                {column: self.feed_forward(found) for column, found in tokens.items()},
                self.feed_forward(summary),
            ),
            maps,
        )

    def operations(self, lengths: list[int], bottleneck: int) -> int:
        """Count the multiply-adds of a row that has streams of these lengths."""
        total = sum(lengths) + bottleneck
        done = self.feed_forward.operations(total)
        if self.form == "pairwise":
            return done + self.attention.operations(total, total)
        return done + sum(
            self.attention.operations(length, length + bottleneck)
            + self.attention.operations(bottleneck, length + bottleneck)
            for length in lengths
        )

    def _by_summary(
        self, streams: Streams, attention: bool
    ) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
        summary = self.norm(streams.summary)
        shares = streams.shares()
        tokens, found, maps = {}, {}, {}
        for column, own in streams.tokens.items():
            normed, asking = self.norm(own), summary[streams.rows[column]]
            context = torch.cat([asking, normed], dim=1)
            real = torch.ones(asking.shape[:2], dtype=torch.bool, device=own.device)
            mask = torch.cat([real, streams.mask[column]], dim=1)
            if attention:
                read, looks = self.attention.with_weights(normed, context, mask)
                found[column], weights = self.attention.with_weights(asking, context, mask)
                part = weights * shares[column][:, None, None, None]
                both = torch.cat([part, looks[:, :, :1]], dim=2)
                maps[column] = both[..., asking.shape[1] :]
            else:
                read = self.attention(normed, context, mask)
                found[column] = self.attention(asking, context, mask)
            tokens[column] = own + read
        return tokens, streams.summary + streams.gathered(found), maps

    def _over_all(
        self, streams: Streams, attention: bool
    ) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
        parts = [streams.summary]
        biases = [streams.summary.new_zeros(streams.summary.shape[:2])]
        for column, own in streams.tokens.items():
            rows, size = streams.rows[column], len(streams.summary)
            # A key counts by its stream's confidence; what is padded or absent, not at all.
            log = streams.confidence[column].log()[:, None].to(own.dtype)
            bias = torch.zeros_like(own[:, :, 0]) + log
            bias = bias.masked_fill(~streams.mask[column], -torch.inf)
            empty = own.new_full((size, own.shape[1]), -torch.inf)
            parts.append(own.new_zeros(size, *own.shape[1:]).index_copy(0, rows, own))
            biases.append(empty.index_copy(0, rows, bias))
        lengths = [part.shape[1] for part in parts]
        dtype = torch.promote_types(parts[0].dtype, parts[-1].dtype)
        sequence = torch.cat([part.to(dtype) for part in parts], dim=1)
        normed = self.norm(sequence)
        bias = torch.cat([part.to(normed.dtype) for part in biases], dim=1)
        if attention:
            read, weights = self.attention.with_weights(normed, normed, bias)
            firsts = [sum(lengths[: number + 1]) for number in range(len(streams.tokens))]
            split = [
                torch.cat([weights[:, :, : lengths[0]], weights[:, :, [first]]], dim=2)[
                    ..., first : first + length
                ]
                for first, length in zip(firsts, lengths[1:], strict=True)
            ]
        else:
            read = self.attention(normed, normed, bias)
            split = []
        summary, *found = cast("list[Tensor]", list((sequence + read).split(lengths, dim=1)))
        rows_of = [streams.rows[column] for column in streams.columns]
        tokens = {
            column: part[rows]
            for column, part, rows in zip(streams.columns, found, rows_of, strict=True)
        }
        maps = {
            column: part[rows]
            for column, part, rows in zip(streams.columns, split, rows_of, strict=bool(split))
        }
        return tokens, summary, maps
