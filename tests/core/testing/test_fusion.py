"""Every rule of a fusion: one that breaks it alone is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.config import FusionConfig
from polymodal_core.fusion import Exchange, Fused
from polymodal_core.testing import ConformanceError, check_fusion
from torch import Tensor, nn


class Total(nn.Module):
    """A right fusion: a sum over the real tokens of the columns that a row has."""

    def __init__(self, feature_dims: Mapping[str, int]) -> None:
        super().__init__()
        self.feature_dim: Any = 5
        self.inputs = nn.ModuleDict({name: nn.Linear(dim, 5) for name, dim in feature_dims.items()})

    def draw(self, columns: Any, *, rng: Any, pairs: Any) -> Exchange:
        cut = 1 + int(rng.integers(len(columns) - 1))
        return Exchange.across([columns[:cut], columns[cut:]])

    def read(self, found: Features) -> Tensor:
        if found.tokens is None or found.mask is None:
            return found.pooled
        return found.pooled + (found.tokens * found.mask[:, :, None]).sum(dim=1)

    def total(self, features: Any, rows: Any, size: int) -> Tensor:
        total = torch.zeros(size, 5, dtype=torch.float64)
        for column, found in features.items():
            total = total.index_add(0, rows[column], self.inputs[column](self.read(found)))
        return total

    def forward(self, features: Any, rows: Any, *, size: int, attention: bool = False) -> Fused:
        total = self.total(features, rows, size)
        return Fused({column: total[rows[column]] for column in features})


class TotalConfig(FusionConfig):
    """Builds the class named."""

    kind: Literal["total"] = "total"
    name: str = "Total"
    warned: bool = False

    def caveats(self) -> tuple[str, ...]:
        return ("it leaks",) if self.warned else ()

    def build(self, *, feature_dims: Mapping[str, int]) -> Any:
        return KINDS[self.name](feature_dims)


class Leaky(Total):
    def draw(self, columns: Any, *, rng: Any, pairs: Any) -> Exchange:
        return Exchange((tuple(columns),))


class LeakyPair(Total):
    def draw(self, columns: Any, *, rng: Any, pairs: Any) -> Exchange:
        return Exchange((tuple(columns),), frozenset({(columns[0], columns[1])}))


class Forgetful(Total):
    def draw(self, columns: Any, *, rng: Any, pairs: Any) -> Exchange:
        return Exchange.across([columns[:1], columns[2:]])


class Moody(Total):
    def draw(self, columns: Any, *, rng: Any, pairs: Any) -> Exchange:
        return Exchange.across([[name] for name in sorted(columns, key=lambda _: torch.rand(1))])


class Unmasked(Total):
    def read(self, found: Features) -> Tensor:
        return found.pooled if found.tokens is None else found.pooled + found.tokens.sum(dim=1)


class Broadcast(Total):
    def total(self, features: Any, rows: Any, size: int) -> Tensor:
        means = torch.stack([found.pooled.mean() for found in features.values()])
        return super().total(features, rows, size) + means.sum()


class ByPlace(Total):
    def total(self, features: Any, rows: Any, size: int) -> Tensor:
        return super().total(features, rows, size) * torch.arange(1.0, size + 1)[:, None]


class Lonely(Total):
    def total(self, features: Any, rows: Any, size: int) -> Tensor:
        if len(features) == 1:
            raise ValueError("nothing to fuse")
        return super().total(features, rows, size)


class Everywhere(Total):
    def forward(self, features: Any, rows: Any, *, size: int, attention: bool = False) -> Fused:
        return Fused(dict.fromkeys(features, self.total(features, rows, size)))


class Overdone(Total):
    def forward(self, features: Any, rows: Any, *, size: int, attention: bool = False) -> Fused:
        found = super().forward(features, rows, size=size)
        lengths = {
            column: 1 if item.tokens is None else 1 + item.tokens.shape[1]
            for column, item in features.items()
        }
        maps = {column: torch.ones(len(rows[column]), 1, 1, 1, lengths[column]) for column in rows}
        return replace(found, attention=maps if attention else None)


class Mapless(Total):
    def forward(self, features: Any, rows: Any, *, size: int, attention: bool = False) -> Fused:
        found = super().forward(features, rows, size=size)
        maps = {column: torch.ones(len(rows[column]), 1) for column in rows}
        return replace(found, attention=maps if attention else None)


class Widthless(Total):
    def __init__(self, feature_dims: Mapping[str, int]) -> None:
        super().__init__(feature_dims)
        self.feature_dim = None


class Forswearing(Total):
    reads_tokens = False


KINDS: dict[str, Callable[..., Any]] = {
    item.__name__: item
    for item in (
        Total, Leaky, LeakyPair, Forgetful, Moody, Unmasked, Broadcast, ByPlace, Lonely,
        Everywhere, Widthless, Overdone, Mapless, Forswearing,
    )
}  # fmt: skip


def test_a_right_one_passes() -> None:
    assert isinstance(check_fusion(TotalConfig()), Total)
    check_fusion(TotalConfig(), feature_dims={"left": 3, "right": 4})


@pytest.mark.parametrize("name", ["Leaky", "LeakyPair"])
def test_a_leak_passes_with_a_warning_alone(name: str) -> None:
    check_fusion(TotalConfig(name=name, warned=True))
    with pytest.raises(ConformanceError, match="that see each other must not be compared"):
        check_fusion(TotalConfig(name=name))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Forgetful", "sides must hold every column once"),
        ("Moody", "equal generators must draw equal exchanges"),
        ("Unmasked", "the mask leaves out must change nothing"),
        ("Broadcast", "a column that a row lacks must change nothing"),
        ("ByPlace", "permuted rows must give permuted features"),
        ("Lonely", "must fuse one column alone; it raised ValueError: nothing to fuse"),
        ("Everywhere", r"must give each column's features \[present, feature_dim\]"),
        ("Overdone", "attention must be shares of 1"),
        ("Mapless", r"attention must be \[present, layers, heads, queries, 1 \+ length\]"),
        ("Forswearing", "must then not depend on them"),
        ("Widthless", "must have a feature_dim; it is None"),
    ],
)
def test_each_rule_is_held(name: str, rule: str) -> None:
    with pytest.raises(ConformanceError, match=rule):
        check_fusion(TotalConfig(name=name))
