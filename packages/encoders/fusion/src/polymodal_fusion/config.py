"""The kinds of fusion as the section `[fusion]` of a recipe."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from polymodal_core.config import FusionConfig
from pydantic import Field, field_validator, model_validator

if TYPE_CHECKING:
    from polymodal_fusion.concatenation import Concatenation
    from polymodal_fusion.cross_attention import CrossAttention
    from polymodal_fusion.multi_stream import MultiStream


class SideFusionConfig(FusionConfig):
    """What all kinds have: which columns see each other in training."""

    width: int = Field(default=768, gt=0, description="of streams, and of what heads project")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    exchange: Literal["sides", "all"] = Field(
        default="sides",
        description="columns see those of their own side; all: the printed form, which leaks",
    )
    alone: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the batches in which each column is a side of its own",
    )

    def caveats(self) -> tuple[str, ...]:
        """Warn of `exchange = "all"`."""
        if self.exchange == "sides":
            return ()
        from polymodal_fusion.sides import LEAK

        return (f"fusion: {LEAK}",)

    @contextmanager
    def _warned(self) -> Iterator[None]:
        # Whoever builds from a config has `caveats` to show, in a form of their own.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield


class TransformerConfig(SideFusionConfig):
    """What the kinds over tokens have."""

    heads: int = Field(default=12, gt=0, description="attention heads; they divide the width")
    bottleneck: int = Field(
        default=4, gt=0, description="summary tokens, in which the streams of a side meet"
    )
    feed_forward: int = Field(
        default=4, gt=0, description="hidden width of feed-forward layers, in widths"
    )
    reliability: bool = Field(
        default=False, description="learn how much each value counts in its row"
    )
    checkpointing: bool = Field(
        default=False, description="compute activations twice instead of keeping them"
    )

    @model_validator(mode="after")
    def _check_heads(self) -> TransformerConfig:
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads} does not divide width = {self.width}")
        return self

    def _options(self) -> dict[str, Any]:
        return self.model_dump(exclude={"kind", "columns", "exchange_form"})


class MultiStreamConfig(TransformerConfig):
    """Blocks of each column's own, each followed by an exchange, then shared blocks."""

    kind: Literal["multi_stream"] = "multi_stream"
    layers: int = Field(default=6, ge=0, description="blocks of each column's own")
    shared_layers: int = Field(default=3, ge=0, description="blocks that all columns share")
    exchange_form: Literal["bottleneck", "pairwise"] = Field(
        default="bottleneck",
        description="streams meet in summary tokens, or each token meets every other",
    )

    def build(self, *, feature_dims: Mapping[str, int]) -> MultiStream:
        """Build the fusion."""
        from polymodal_fusion.multi_stream import MultiStream

        with self._warned():
            return MultiStream(feature_dims, form=self.exchange_form, **self._options())


class DualStreamConfig(TransformerConfig):
    """The multi-stream transformer over two `columns`; any other is seen alone."""

    kind: Literal["dual_stream"] = "dual_stream"
    columns: tuple[str, str] = Field(description='the two that see each other: ["image", "text"]')
    layers: int = Field(default=6, ge=0, description="blocks of each column's own")
    shared_layers: int = Field(default=3, ge=0, description="blocks that all columns share")
    exchange_form: Literal["bottleneck", "pairwise"] = "bottleneck"

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, columns: tuple[str, str]) -> tuple[str, str]:
        if columns[0] == columns[1]:
            raise ValueError("names one column twice; wanted two")
        return columns

    def build(self, *, feature_dims: Mapping[str, int]) -> MultiStream:
        """Build the fusion; raises PolymodalError for an unknown column."""
        from polymodal_fusion.multi_stream import MultiStream

        options = {**self._options(), "form": self.exchange_form, "fused": self.columns}
        with self._warned():
            return MultiStream(feature_dims, **options)


class EarlyConfig(TransformerConfig):
    """Shared blocks alone over the concatenated tokens, each of which meets every other."""

    kind: Literal["early"] = "early"
    layers: int = Field(default=9, gt=0, description="blocks that all columns share")

    def build(self, *, feature_dims: Mapping[str, int]) -> MultiStream:
        """Build the fusion."""
        from polymodal_fusion.multi_stream import MultiStream

        options = {**self._options(), "layers": 0, "shared_layers": self.layers}
        with self._warned():
            return MultiStream(feature_dims, form="pairwise", **options)


class ConcatenationConfig(SideFusionConfig):
    """A perceptron over pooled vectors (the baseline of cmla)."""

    kind: Literal["concatenation"] = "concatenation"

    def build(self, *, feature_dims: Mapping[str, int]) -> Concatenation:
        """Build the fusion."""
        from polymodal_fusion.concatenation import Concatenation

        with self._warned():
            return Concatenation(feature_dims, **self.model_dump(exclude={"kind"}))


class CrossAttentionConfig(SideFusionConfig):
    """The tokens of one column, `visual`, ask those of all others (cross-modal-transfer, 3.2)."""

    kind: Literal["cross_attention"] = "cross_attention"
    visual: str = Field(default="image", description="the column whose tokens ask the others'")
    heads: int = Field(default=8, gt=0, description="attention heads; they divide the width")
    layers: int = Field(default=1, gt=0, description="times that the column asks")
    feed_forward: int = Field(
        default=2, ge=0, description="hidden width after each attention, in widths; 0: none"
    )

    @model_validator(mode="after")
    def _check_heads(self) -> CrossAttentionConfig:
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads} does not divide width = {self.width}")
        return self

    def build(self, *, feature_dims: Mapping[str, int]) -> CrossAttention:
        """Build the fusion; raises PolymodalError for an unknown column."""
        from polymodal_fusion.cross_attention import CrossAttention

        with self._warned():
            return CrossAttention(feature_dims, **self.model_dump(exclude={"kind"}))
