"""Tokens behind the encoders: who reads them, and maps of them for what is told of every pixel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from polymodal_core.batch import Batch, Features
from polymodal_core.errors import PolymodalError
from polymodal_core.objective import JOINT, MapsWanted

if TYPE_CHECKING:
    from polymodal_core.model import Model


def reads_tokens(model: Model, needed: Collection[str]) -> bool:
    """Say whether a fusion, or an objective over maps, reads tokens beside pooled vectors.

    `needed` is what the objective was built from (`ObjectiveConfig.needs`).
    """
    by_fusion = model.fusion is not None and getattr(model.fusion, "reads_tokens", True)
    return by_fusion or "widths" in needed


def token_map(
    model: Model,
    column: str,
    features: Mapping[str, Features],
    rows: Mapping[str, Tensor] | None = None,
    *,
    size: int | None = None,
) -> Tensor:
    """Lay a column's tokens out as its encoder's grid: [present, channels, height, width].

    With a fusion they have seen the other columns given, as in `combine`, and are of its
    width. Raises PolymodalError where the encoder says no grid, or the fusion gives no tokens.
    """
    found = features[column]
    if found.grid is None:
        raise PolymodalError(
            f"the encoder of column '{column}' gives no map of tokens (a grid); wanted one "
            f"that does, such as a convolutional network of kind convnet or timm"
        )
    tokens = found.tokens
    if model.fusion is not None:
        length = len(found.pooled) if size is None else size
        every = torch.arange(length, device=found.pooled.device)
        rows = dict.fromkeys(features, every) if rows is None else rows
        tokens = (model.fuse(features, rows, length).tokens or {}).get(column)
    if tokens is None:
        raise PolymodalError(
            f"the fusion {type(model.fusion).__name__} gives no tokens of column '{column}'; "
            f'fusion.kind = "cross_attention" does'
        )
    height, width = found.grid
    cells = tokens[:, tokens.shape[1] - height * width :]
    laid: Tensor = cells.transpose(1, 2).unflatten(2, (height, width))
    return laid


def map_widths(model: Model) -> dict[str, int]:
    """Give the width of each column's `token_map`."""
    dims = {column: model.feature_dim(column) for column in model.owners}
    if model.fusion is None:
        return dims
    return dict.fromkeys(dims, int(cast("Any", model.fusion).feature_dim))


def maps_of(
    model: Model, features: Mapping[str, Features], batch: Batch, wanted: MapsWanted
) -> dict[str, Tensor]:
    """Lay out the maps that an objective wants: [batch, channels, height, width], 0 where absent.

    By column where it is seen alone, and as `joint` where it has seen the others of its row. Raises
    PolymodalError as `token_map` does, and where there is no fusion to see others by.
    """
    found = {}
    for column in wanted.alone:
        if column in features:
            alone = token_map(model, column, {column: features[column]})
            found[column] = _in_rows(alone, batch.rows[column], batch.size)
    if wanted.together is not None and wanted.together in features and len(features) > 1:
        if model.fusion is None:
            raise PolymodalError(
                f"there is no fusion by which '{wanted.together}' could see the other columns; "
                f'add [fusion] with kind = "cross_attention", or leave them out'
            )
        held = {column: batch.rows[column] for column in features}
        whole = token_map(model, wanted.together, features, held, size=batch.size)
        found[JOINT] = _in_rows(whole, held[wanted.together], batch.size)
    return found


def _in_rows(found: Tensor, rows: Tensor, size: int) -> Tensor:
    # [present, ...] to [batch, ...], zeros where absent.
    return found.new_zeros(size, *found.shape[1:]).index_copy(0, rows, found)
