"""From the columns of a recipe to the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from polymodal_core.columns import ColumnConfig
from polymodal_core.config import Tuning
from polymodal_core.lora import add_adapters
from polymodal_core.model import Model, backbone_of
from polymodal_core.protocols import Modality

if TYPE_CHECKING:
    from polymodal_core.config import FusionConfig


def build_model(
    columns: Mapping[str, ColumnConfig],
    modalities: Mapping[str, Modality],
    *,
    dim: int,
    fusion: FusionConfig | None = None,
) -> Model:
    """Build the model of a recipe's columns; `modalities` are the fitted ones, by column."""
    encoders: dict[str, nn.Module] = {}
    heads: dict[str, nn.Module] = {}
    for name, column in columns.items():
        if column.share is None:
            encoders[name] = cast("nn.Module", column.encoder.build(**modalities[name].spec()))
            if column.encoder.lora is not None:
                add_adapters(backbone_of(encoders[name]), column.encoder.lora, column=name)
    feature_dims = {
        name: int(cast("Any", encoders[column.owner]).feature_dim)
        for name, column in columns.items()
    }
    fused: Any = None if fusion is None else fusion.build(feature_dims=feature_dims)
    for name, column in columns.items():
        width = feature_dims[name] if fused is None else int(fused.feature_dim)
        heads[name] = column.head.build(feature_dim=width, dim=dim)
    return Model(
        encoders,
        heads,
        dim=dim,
        owners={name: column.owner for name, column in columns.items()},
        frozen=_tuned(columns, "frozen"),
        adapted=_tuned(columns, "lora"),
        fusion=fused,
    )


def _tuned(columns: Mapping[str, ColumnConfig], tuning: Tuning) -> frozenset[str]:
    return frozenset(
        name
        for name, column in columns.items()
        if column.share is None and column.encoder.tuning == tuning
    )
