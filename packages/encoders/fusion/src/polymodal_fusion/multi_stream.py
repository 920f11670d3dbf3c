"""The multi-stream transformer: streams of their own, an exchange, shared blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, cast

import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from polymodal_core.fusion import Fused
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from polymodal_fusion.attention import Block
from polymodal_fusion.base import SideFusion
from polymodal_fusion.exchange import Form, build_exchange
from polymodal_fusion.shared import SharedBlock
from polymodal_fusion.sides import ExchangeWithin
from polymodal_fusion.streams import StreamInput, Streams


class StreamLayer(nn.Module):
    """A block for each column, then an exchange between them."""

    def __init__(
        self, columns: int, width: int, *, heads: int, hidden: int, form: Form, dropout: float
    ) -> None:
        """Build the layer."""
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(width, heads=heads, hidden=hidden, dropout=dropout) for _ in range(columns)
        )
        self.exchange = build_exchange(form, width, heads=heads, dropout=dropout)

    def forward(self, streams: Streams, place: Mapping[str, int]) -> Streams:
        """Update streams; `place[column]` is the column's block."""
        tokens = {
            column: self.blocks[place[column]](found, streams.mask[column])
            for column, found in streams.tokens.items()
        }
        return cast("Streams", self.exchange(streams.replaced(tokens)))


class MultiStream(SideFusion):
    """The fusion of trimodal-fusion, section 3, over any number of columns.

    Each column's features become a stream: the pooled vector, then the tokens, projected to
    `width`. `layers` times, a pre-norm block of the column's own updates its stream and streams
    exchange; then come `shared_layers` blocks with one set of weights for all of them. A column's
    output [present, width] is the first token of its stream, normalised. `form="bottleneck"` lets
    streams meet in `bottleneck` summary tokens alone, at a cost linear in the number of columns;
    `"pairwise"` lets every token meet every other.

    `reliability` learns a confidence in 0..1 for each value from its pooled vector: the share that
    it has in what a row's streams read and in the row's embedding. `checkpointing` computes
    activations again in the backward pass instead of keeping them.
    """

    def __init__(  # noqa: PLR0913
        self,
        feature_dims: Mapping[str, int],
        *,
        width: int = 768,
        layers: int = 6,
        shared_layers: int = 3,
        heads: int = 12,
        bottleneck: int = 4,
        form: Form = "bottleneck",
        feed_forward: int = 4,
        dropout: float = 0.0,
        reliability: bool = False,
        checkpointing: bool = False,
        exchange: ExchangeWithin = "sides",
        alone: float = 0.5,
        fused: Collection[str] | None = None,
    ) -> None:
        """Build for columns with features of these widths."""
        super().__init__(
            feature_dims, feature_dim=width, exchange=exchange, alone=alone, fused=fused
        )
        if width % heads:
            raise PolymodalError(
                f"fusion.heads = {heads} does not divide fusion.width = {width}; choose a width "
                f"such as {heads * max(1, width // heads)}"
            )
        self.checkpointing = checkpointing
        hidden = feed_forward * width
        self.inputs = nn.ModuleList(StreamInput(dim, width=width) for dim in feature_dims.values())
        self.summary = nn.Parameter(0.02 * torch.randn(bottleneck, width))
        self.layers = nn.ModuleList(
            StreamLayer(
                len(feature_dims), width, heads=heads, hidden=hidden, form=form, dropout=dropout
            )
            for _ in range(layers)
        )
        self.shared = nn.ModuleList(
            SharedBlock(width, heads=heads, hidden=hidden, form=form, dropout=dropout)
            for _ in range(shared_layers)
        )
        self.confidence = (
            nn.ModuleList(nn.Linear(width, 1) for _ in feature_dims) if reliability else None
        )
        for linear in self.confidence or ():
            nn.init.zeros_(cast("nn.Linear", linear).weight)  # every stream counts alike at first
            nn.init.constant_(cast("nn.Linear", linear).bias, 2.0)
        self.norm = nn.LayerNorm(width)

    def fuse_together(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor],
        *,
        size: int,
        attention: bool,
    ) -> Fused:
        """Fuse columns that all see each other.

        `Fused.attention[column]` [present, shared_layers, heads, bottleneck + 1, 1 + length] says
        how the summary tokens and, last, the column's first token look at its pooled vector (first)
        and tokens in the shared blocks.
        """
        streams = self._streams(features, rows, size)
        for layer in self.layers:
            streams = self._run(partial(layer, place=self.place), streams)
        maps: list[dict[str, Tensor]] = []
        for block in self.shared:
            if attention:
                streams, found = block(streams, attention=True)
                maps.append(found)
            else:
                streams = self._run(partial(_updated, block), streams)
        return Fused(
            {column: self.norm(tokens[:, 0]) for column, tokens in streams.tokens.items()},
            weights=None if self.confidence is None else streams.confidence,
            attention={
                column: torch.stack([found[column] for found in maps], dim=1)
                for column in (streams.columns if maps else ())
            }
            or None,
        )

    def operations_together(self, lengths: Mapping[str, int]) -> int:
        """Count the multiply-adds of a row: matrix products, without norms and activations."""
        bottleneck = len(self.summary)
        done = 0
        for column, length in lengths.items():
            given: Any = self.inputs[self.place[column]]
            done += given.operations(length)
        streams = [1 + length for length in lengths.values()]
        for layer in self.layers:
            blocks: Any = layer
            done += sum(blocks.blocks[0].operations(length) for length in streams)
            done += blocks.exchange.operations(streams, bottleneck)
        for block in self.shared:
            done += cast("Any", block).operations(streams, bottleneck)
        return done

    def _streams(
        self, features: Mapping[str, Features], rows: Mapping[str, Tensor], size: int
    ) -> Streams:
        tokens, mask, confidence = {}, {}, {}
        for column in sorted(features, key=self.place.__getitem__):
            place = self.place[column]
            tokens[column], mask[column] = self.inputs[place](features[column])
            first = tokens[column][:, 0]
            confidence[column] = (
                torch.ones_like(first[:, 0])
                if self.confidence is None
                else self.confidence[place](first).sigmoid()[:, 0]
            )
        summary = self.summary.expand(size, -1, -1)
        return Streams(
            tokens, mask, {column: rows[column] for column in tokens}, confidence, summary
        )

    def _run(self, step: Callable[[Streams], Streams], streams: Streams) -> Streams:
        if not (self.checkpointing and self.training and torch.is_grad_enabled()):
            return step(streams)
        names = streams.columns

        def plain(summary: Tensor, *tokens: Tensor) -> tuple[Tensor, ...]:
            found = step(streams.replaced(dict(zip(names, tokens, strict=True)), summary))
            return (found.summary, *found.tokens.values())

        summary, *tokens = checkpoint(
            plain, streams.summary, *streams.tokens.values(), use_reentrant=False
        )
        return streams.replaced(dict(zip(names, tokens, strict=True)), summary)


def _updated(block: nn.Module, streams: Streams) -> Streams:
    return cast("Streams", block(streams)[0])
