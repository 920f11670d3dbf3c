"""The plug-in as a whole, and each kind of fusion against the contract."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.config import FusionConfig
from polymodal_core.plugins import registry
from polymodal_core.testing import check_fusion, check_plugin
from polymodal_fusion.config import (
    ConcatenationConfig,
    CrossAttentionConfig,
    DualStreamConfig,
    EarlyConfig,
    MultiStreamConfig,
)
from polymodal_fusion.multi_stream import MultiStream
from pydantic import ValidationError

SMALL: dict[str, Any] = {"width": 16, "heads": 4, "layers": 1}
CONFIGS: list[FusionConfig] = [
    MultiStreamConfig(**SMALL),
    MultiStreamConfig(**SMALL, exchange_form="pairwise", shared_layers=1, reliability=True),
    MultiStreamConfig(**SMALL, shared_layers=0, exchange="all"),
    DualStreamConfig(**SMALL, columns=("text", "depth")),
    EarlyConfig(**SMALL),
    ConcatenationConfig(width=16),
    CrossAttentionConfig(width=16, heads=4),
    CrossAttentionConfig(width=16, heads=4, layers=2, visual="text", feed_forward=0),
]


def test_contract() -> None:
    names = {item.__name__ for item in check_plugin("polymodal_fusion.plugin")}
    assert names == {
        "MultiStreamConfig",
        "DualStreamConfig",
        "EarlyConfig",
        "ConcatenationConfig",
        "CrossAttentionConfig",
    }
    owner = registry().registrations["fusion", "multi_stream"].distribution
    assert owner == "polymodal-fusion"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_every_kind_keeps_the_contract(config: FusionConfig) -> None:
    check_fusion(config)


def test_defaults_are_the_papers() -> None:
    config = MultiStreamConfig()
    assert (config.width, config.layers, config.shared_layers, config.heads) == (768, 6, 3, 12)
    assert config.exchange == "sides"
    assert config.caveats() == ()


def test_options_reach_the_module() -> None:
    dims = {"image": 6, "text": 5, "depth": 4}
    options = {"bottleneck": 3, "alone": 0.5, "dropout": 0.1, "feed_forward": 2}
    found = MultiStreamConfig(
        **SMALL, **options, shared_layers=2, reliability=True, checkpointing=True
    ).build(feature_dims=dims)
    assert (len(found.layers), len(found.shared), len(found.summary)) == (1, 2, 3)
    assert (found.alone, found.exchange, found.checkpointing) == (0.5, "sides", True)
    assert found.confidence is not None
    hidden = {module.hidden for module in found.modules() if hasattr(module, "hidden")}
    assert hidden == {32}
    early = EarlyConfig(**{**SMALL, "layers": 3}).build(feature_dims=dims)
    assert (len(early.layers), len(early.shared)) == (0, 3)
    assert {getattr(block, "form", None) for block in early.shared} == {"pairwise"}
    dual = DualStreamConfig(**SMALL, columns=("image", "depth")).build(feature_dims=dims)
    assert isinstance(dual, MultiStream)
    assert dual.fused == {"image", "depth"}


@pytest.mark.parametrize("kind", [MultiStreamConfig, EarlyConfig, ConcatenationConfig])
def test_the_printed_form_has_a_caveat_and_builds_without_another(
    kind: Any, recwarn: pytest.WarningsRecorder
) -> None:
    config = kind(width=12, exchange="all")
    (caveat,) = config.caveats()
    assert "fingerprint" in caveat
    assert config.build(feature_dims={"image": 3, "text": 3}).exchange == "all"
    assert not len(recwarn)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (MultiStreamConfig, {"width": 10, "heads": 4}, "heads = 4 does not divide width = 10"),
        (DualStreamConfig, {"columns": ("a", "a")}, "names one column twice"),
        (DualStreamConfig, {}, "columns"),
        (EarlyConfig, {"layers": 0}, "greater than 0"),
        (ConcatenationConfig, {"exchange": "some"}, "'sides' or 'all'"),
        (MultiStreamConfig, {"alone": 1.5}, "less than or equal to 1"),
    ],
)
def test_bad_options_are_refused(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        kind(**options)
