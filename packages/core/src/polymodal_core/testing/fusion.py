"""Conformance of a fusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from polymodal_core.batch import Features
from polymodal_core.config import FusionConfig
from polymodal_core.fusion import Exchange, Fused, Fusion
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.equality import close
from polymodal_core.testing.rules import Rules

SIZE, LENGTH = 6, 4
FEATURE_DIMS = {"image": 12, "text": 8, "depth": 10, "attributes": 5}
TOLERANCE = 1e-9
DRAWS = 40

Given = dict[str, Features]
Rows = dict[str, Tensor]


def check_fusion(
    config: FusionConfig, *, feature_dims: Mapping[str, int] | None = None
) -> nn.Module:
    """Hold a fusion to the contract, over columns with features of these widths; give it back.

    Raises ConformanceError that names the rule broken.
    """
    rules = Rules(type(config).__name__)
    check_config(rules, config, FusionConfig)
    dims = dict(FEATURE_DIMS if feature_dims is None else feature_dims)
    with rules.runs("must build"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = config.build(feature_dims=dims)
    rules.require(
        isinstance(built, nn.Module), "build must give an nn.Module", f"it gave {built!r}"
    )
    width = getattr(built, "feature_dim", None)
    rules.require(
        isinstance(width, int) and width > 0, "must have a feature_dim", f"it is {width!r}"
    )
    fusion = built.double().eval()
    _check_draw(rules, config, cast("Fusion", fusion), list(dims))
    given, rows = _columns(dims)
    _check_output(rules, fusion, given, rows, cast("int", width))
    _check_presence(rules, fusion, given, rows)
    _check_attention(rules, fusion, given, rows)
    _check_masks(rules, fusion, given, rows)
    _check_reading(rules, fusion, given, rows)
    return built


def _columns(dims: Mapping[str, int], *, seed: int = 1) -> tuple[Given, Rows]:
    # Row 0 has every column; each column lacks another row; the last column has no tokens.
    generator = torch.Generator().manual_seed(seed)
    given, rows = {}, {}
    for number, (name, dim) in enumerate(dims.items()):
        rows[name] = torch.tensor([row for row in range(SIZE) if row != 1 + number % (SIZE - 1)])
        pooled = torch.randn(SIZE, dim, generator=generator, dtype=torch.float64)[rows[name]]
        tokens = torch.randn(len(pooled), LENGTH, dim, generator=generator, dtype=torch.float64)
        mask = torch.arange(LENGTH) < 1 + (rows[name] % LENGTH)[:, None]
        last = number == len(dims) - 1
        given[name] = Features(pooled, None if last else tokens, None if last else mask)
    return given, rows


def _fused(fusion: nn.Module, given: Given, rows: Rows, size: int = SIZE) -> Mapping[str, Tensor]:
    return cast("Fused", fusion(given, {name: rows[name] for name in given}, size=size)).features


def _check_draw(rules: Rules, config: FusionConfig, fusion: Fusion, columns: list[str]) -> None:
    def draws() -> list[Exchange]:
        return [
            fusion.draw(columns, rng=np.random.default_rng(number), pairs=None)
            for number in range(DRAWS)
        ]

    with rules.runs("must draw an Exchange from columns, rng and pairs"):
        found = draws()
    rules.require(found == draws(), "equal generators must draw equal exchanges")
    for exchange in found:
        held = sorted(name for side in exchange.sides for name in side)
        rules.require(
            held == sorted(columns), "sides must hold every column once", f"{exchange.sides}"
        )
        side = {name: number for number, part in enumerate(exchange.sides) for name in part}
        leaks = exchange.compare is None and len(exchange.sides) < len(columns)
        leaks |= any(side[a] == side[b] for a, b in exchange.compare or ())
        rules.require(
            not leaks or bool(config.caveats()),
            "columns that see each other must not be compared, unless `caveats` warn of it",
            f"{exchange}",
        )


def _check_output(rules: Rules, fusion: nn.Module, given: Given, rows: Rows, width: int) -> None:
    with rules.runs("must fuse features of columns, some without tokens, in rows that lack some"):
        found = _fused(fusion, given, rows)
    for name, features in given.items():
        wanted = (len(features.pooled), width)
        rules.require(
            name in found and tuple(found[name].shape) == wanted,
            "must give each column's features [present, feature_dim]",
            f"'{name}' has {tuple(found[name].shape) if name in found else None}, not {wanted}",
        )
        rules.require(bool(found[name].isfinite().all()), "features must be finite", f"'{name}'")
        with rules.runs("must fuse one column alone"):
            alone = _fused(fusion, {name: features}, rows)
        rules.require(
            alone.keys() == {name} and bool(alone[name].isfinite().all()),
            "one column alone must still give its features",
            f"'{name}'",
        )


def _check_reading(rules: Rules, fusion: nn.Module, given: Given, rows: Rows) -> None:
    if getattr(fusion, "reads_tokens", True):
        return
    pooled = {name: Features(features.pooled) for name, features in given.items()}
    found, without = _fused(fusion, given, rows), _fused(fusion, pooled, rows)
    rules.require(
        all(torch.equal(found[name], without[name]) for name in given),
        "says that it does not read tokens (`reads_tokens`), and must then not depend on them",
    )


def _check_attention(rules: Rules, fusion: nn.Module, given: Given, rows: Rows) -> None:
    with rules.runs("must take `attention=True`, whether it has any to give or not"):
        found = cast("Fused", fusion(given, rows, size=SIZE, attention=True))
    plain = _fused(fusion, given, rows)
    for name, maps in (found.attention or {}).items():
        tokens = given[name].tokens
        length = 1 if tokens is None else 1 + tokens.shape[1]
        rules.require(
            maps.ndim == 5 and (maps.shape[0], maps.shape[4]) == (len(rows[name]), length),
            "attention must be [present, layers, heads, queries, 1 + length]",
            f"that of '{name}' is {list(maps.shape)}",
        )
        rules.require(
            bool((maps >= 0).all()) and float(maps.detach().sum(dim=4).max()) < 1 + TOLERANCE,
            "attention must be shares of 1",
            f"'{name}'",
        )
    for name, features in found.features.items():
        rules.require(
            close(features, plain[name], tolerance=TOLERANCE),
            "asking for attention must change no features",
            f"'{name}'",
        )


def _check_presence(rules: Rules, fusion: nn.Module, given: Given, rows: Rows) -> None:
    whole = _fused(fusion, given, rows)
    for name in given:
        others = {other: features for other, features in given.items() if other != name}
        without = _fused(fusion, others, rows)
        for other in others:
            # Rows that lack `name` cannot tell whether the batch has it.
            lacking = ~torch.isin(rows[other], rows[name])
            rules.require(
                close(whole[other][lacking], without[other][lacking], tolerance=TOLERANCE),
                "a column that a row lacks must change nothing in that row",
                f"'{name}' changes '{other}'",
            )
    order = (5 * torch.arange(SIZE) + 2) % SIZE
    moved: Given = {}
    places: Rows = {}
    for name, features in given.items():
        places[name], by = order[rows[name]].sort()
        moved[name] = _taken(features, by)
    found = _fused(fusion, moved, places)
    for name in given:
        by = order[rows[name]].sort()[1]
        rules.require(
            close(found[name], whole[name][by], tolerance=TOLERANCE),
            "permuted rows must give permuted features",
            f"'{name}'",
        )


def _check_masks(rules: Rules, fusion: nn.Module, given: Given, rows: Rows) -> None:
    whole = _fused(fusion, given, rows)
    dirty = {
        name: Features(
            features.pooled,
            features.tokens.masked_fill(~features.mask[:, :, None], 1e3),
            features.mask,
        )
        if features.tokens is not None and features.mask is not None
        else features
        for name, features in given.items()
    }
    found = _fused(fusion, dirty, rows)
    for name in given:
        rules.require(
            close(found[name], whole[name], tolerance=TOLERANCE),
            "what stands in tokens that the mask leaves out must change nothing",
            f"'{name}'",
        )


def _taken(features: Features, by: Tensor) -> Features:
    return Features(
        features.pooled[by],
        None if features.tokens is None else features.tokens[by],
        None if features.mask is None else features.mask[by],
    )
