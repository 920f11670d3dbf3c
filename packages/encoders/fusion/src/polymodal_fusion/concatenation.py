"""Concatenation of pooled vectors: the baseline of cmla, for any columns of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from polymodal_core.batch import Features
from polymodal_core.fusion import Fused
from torch import Tensor, nn

from polymodal_fusion.base import SideFusion
from polymodal_fusion.sides import ExchangeWithin


class Concatenation(SideFusion):
    """A perceptron over the pooled vectors of a side, one after the other; every column gets it.

    The first layer of a concatenation is a sum of one linear layer per column: that is how it is
    computed, so that a column that a row lacks adds nothing. Tokens are not read.
    """

    reads_tokens = False

    def __init__(
        self,
        feature_dims: Mapping[str, int],
        *,
        width: int = 768,
        dropout: float = 0.0,
        exchange: ExchangeWithin = "sides",
        alone: float = 0.5,
    ) -> None:
        """Build for columns with features of these widths."""
        super().__init__(feature_dims, feature_dim=width, exchange=exchange, alone=alone)
        self.width = width
        self.first = nn.ModuleList(
            nn.Linear(dim, width, bias=False) for dim in feature_dims.values()
        )
        self.bias = nn.Parameter(torch.zeros(width))
        self.rest = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width))

    def fuse_together(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor],
        *,
        size: int,
        attention: bool,
    ) -> Fused:
        """Give each column the vector [present, width] of its row's side."""
        hidden = self.bias.expand(size, -1)
        for column in sorted(features, key=self.place.__getitem__):
            part = self.first[self.place[column]](features[column].pooled)
            hidden = hidden.index_add(0, rows[column], part.to(hidden.dtype))
        found = cast("Tensor", self.rest(hidden))
        return Fused({column: found[rows[column]] for column in features})

    def operations_together(self, lengths: Mapping[str, int]) -> int:
        """Count the multiply-adds of a row."""
        first = sum(self.feature_dims[name] for name in lengths)
        return self.width * (first + self.width)
