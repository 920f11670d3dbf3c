"""Tokens behind the encoders: who reads them, and how they are laid out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from polymodal_core.fusion import Fused
from polymodal_core.token_maps import reads_tokens, token_map
from torch import nn


class Fusing(nn.Module):
    """Gives tokens plus one, or none."""

    def __init__(self, *, gives: bool = True) -> None:
        super().__init__()
        self.gives = gives

    def fuse(self, features: Any, rows: Any, size: int) -> Fused:
        pooled = {name: found.pooled for name, found in features.items()}
        tokens = {name: found.tokens + 1 for name, found in features.items()}
        return Fused(pooled, tokens=tokens if self.gives else None)


class OfVectors(nn.Module):
    reads_tokens = False


class Stub:
    """What these functions ask of a model."""

    def __init__(self, fusion: nn.Module | None = None) -> None:
        self.fusion = fusion

    def fuse(self, features: Any, rows: Any, size: int) -> Fused:
        assert isinstance(self.fusion, Fusing)
        return self.fusion.fuse(features, rows, size)


@pytest.mark.parametrize(
    ("fusion", "needed", "expected"),
    [
        (None, (), False),
        (None, ("columns", "widths"), True),
        (OfVectors(), ("dim",), False),
        (OfVectors(), ("widths",), True),
        (nn.Identity(), (), True),  # a fusion that says nothing reads them
    ],
)
def test_who_reads_tokens(fusion: Any, needed: tuple[str, ...], expected: bool) -> None:
    model: Any = Stub(fusion)
    assert reads_tokens(model, needed) is expected


def test_the_last_tokens_are_laid_out_row_by_row() -> None:
    tokens = torch.arange(14.0).reshape(1, 7, 2)  # one that is no cell, then 2 rows of 3
    found = {"image": Features(tokens.mean(1), tokens, grid=(2, 3))}
    plain, fused = Stub(), Stub(Fusing())
    laid = token_map(plain, "image", found)  # type: ignore[arg-type]
    assert laid.shape == (1, 2, 2, 3)
    assert laid[0, :, 1, 2].tolist() == [12.0, 13.0]
    assert laid[0, :, 0, 0].tolist() == [2.0, 3.0]
    assert torch.equal(token_map(fused, "image", found), laid + 1)  # type: ignore[arg-type]


def test_what_has_no_map_is_refused() -> None:
    tokens = torch.ones(1, 4, 2)
    model: Any = Stub()
    with pytest.raises(PolymodalError, match=r"'image' gives no map of tokens \(a grid\)"):
        token_map(model, "image", {"image": Features(tokens.mean(1), tokens)})
    model = Stub(Fusing(gives=False))
    with pytest.raises(PolymodalError, match=r"fusion Fusing gives no tokens of column 'image'"):
        token_map(model, "image", {"image": Features(tokens.mean(1), tokens, grid=(2, 2))})
