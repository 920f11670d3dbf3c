"""Every rule of an encoder: one that breaks it alone is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Literal

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.config import EncoderConfig
from polymodal_core.testing import ConformanceError, check_encoder
from torch import Tensor, nn

from tests.core.toys import LinearConfig, NumberModality

VALUES = [1.5, -2.0, 7.25]
MODALITY = NumberModality(0.1, 1.0)


class Net(nn.Module):
    """A right encoder with tokens; wrong ones replace `encode` or the constructor."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim: Any = 4
        self.layer = nn.Linear(1, 4)

    def forward(self, inputs: Tensor) -> Any:
        tokens = torch.stack([self.layer(inputs), self.layer(-inputs)], dim=1)
        return Features(tokens.mean(dim=1) + inputs, tokens, torch.ones(len(inputs), 2).bool())


class NetConfig(EncoderConfig):
    """Builds the class named."""

    kind: Literal["net"] = "net"
    modality: ClassVar[str] = "number"
    name: str = "Net"

    def build(self, *, width: int) -> Any:
        return globals()[self.name]()


def wrong(forward: Callable[[Any, Tensor], Any]) -> type[Net]:
    """Make a right encoder with another forward pass."""
    return type("Wrong", (Net,), {"forward": forward})


class NotAModule:
    """It computes, but is no module."""

    feature_dim = 4


class NoDim(Net):
    """It does not say how wide its features are."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = "4"


class Fails(Net):
    """It cannot be built."""

    def __init__(self) -> None:
        raise RuntimeError("no weights")


class Hidden(Net):
    """A part of its weights is not in state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = torch.randn(4)

    def forward(self, inputs: Tensor) -> Any:
        features = super().forward(inputs)
        return Features(features.pooled + self.hidden, features.tokens, features.mask)


class Unused(Net):
    """It has a layer that nothing passes."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(2, 2)


class Random(Net):
    """It draws from a generator of its own in training."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, inputs: Tensor) -> Any:
        features = super().forward(inputs)
        noise = torch.randn(4, generator=self.generator) if self.training else torch.zeros(4)
        return Features(features.pooled + noise, features.tokens, features.mask)


class Split(Net):
    """It trains a layer behind its backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Net()
        self.layer = nn.Linear(4, 4)

    def finish(self, features: Features) -> Features:
        """Pass the layer."""
        return Features(self.layer(features.pooled))

    def forward(self, inputs: Tensor) -> Any:
        return self.finish(self.backbone(inputs))


class NoFinish(Split):
    """It has a backbone, and nothing behind it."""

    finish = None  # type: ignore[assignment]

    def forward(self, inputs: Tensor) -> Any:
        return self.backbone(inputs)


class OtherFinish(Split):
    """It does something else on the way."""

    def forward(self, inputs: Tensor) -> Any:
        return self.finish(self.backbone(2 * inputs))


def pooled(change: Callable[[Tensor, Tensor], Any]) -> Callable[[Any, Tensor], Any]:
    """Make a forward pass that changes pooled features."""
    return lambda self, inputs: Features(change(self.layer(inputs), inputs))


def tokens(
    make: Callable[[Tensor], Any], mask: Callable[[Tensor], Any]
) -> Callable[[Any, Tensor], Any]:
    """Make a forward pass with such tokens and mask."""
    return lambda self, x: Features(self.layer(x), make(self.layer(x)[:, None]), mask(x))


TwoAxes = wrong(lambda self, inputs: self.layer(inputs))
Narrow = wrong(pooled(lambda features, inputs: features[:, :3]))
Few = wrong(pooled(lambda features, inputs: features[:1]))
Nans = wrong(pooled(lambda features, inputs: features / 0 * 0))
Whole = wrong(pooled(lambda features, inputs: features.long()))
Moody = wrong(pooled(lambda features, inputs: features + torch.rand(4)))
Constant = wrong(pooled(lambda features, inputs: features * 0))
Mixed = wrong(
    pooled(lambda features, inputs: features - features.mean(dim=0) + inputs / len(inputs))
)
NoGradient = wrong(pooled(lambda features, inputs: (features * 0) + inputs.expand(-1, 4)))
Mask = wrong(tokens(lambda t: None, lambda x: torch.ones(len(x), 1).bool()))
Flat = wrong(tokens(lambda t: t[:, 0], lambda x: torch.ones(len(x), 1).bool()))
NoMask = wrong(tokens(lambda t: t, lambda x: None))
FloatMask = wrong(tokens(lambda t: t, lambda x: torch.ones(len(x), 1)))
AllMasked = wrong(tokens(lambda t: t, lambda x: torch.zeros(len(x), 1).bool()))
Grid = wrong(lambda self, x: replace(Net.forward(self, x), grid=(3, 2)))
GridAlone = wrong(lambda self, x: Features(self.layer(x), grid=(1, 1)))
Batches = wrong(lambda self, x: Net.forward(self, x) if len(x) > 1 else 1 / 0)
Untrainable = wrong(lambda self, x: 1 / 0 if self.training else Net.forward(self, x))


@pytest.mark.parametrize("config", [LinearConfig(), NetConfig(), NetConfig(name="Split")])
def test_a_right_one_passes(config: EncoderConfig) -> None:
    state = torch.get_rng_state()
    encoder = check_encoder(config, MODALITY, VALUES)
    assert not encoder.training
    assert torch.equal(torch.get_rng_state(), state)  # the caller's generator is left alone


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Fails", r"build must take the modality's spec {'width': 1}; it raised RuntimeError: no"),
        ("NotAModule", "build must give an nn.Module; it gave NotAModule"),
        ("NoDim", "an encoder must have an int feature_dim; it is '4'"),
        ("TwoAxes", "forward must give Features; it gave Tensor"),
        ("Narrow", r"pooled must be \[present, feature_dim\]; it is \[3, 3\] for 3 values"),
        ("Few", r"pooled must be \[present, feature_dim\]; it is \[1, 4\] for 3 values"),
        ("Nans", "pooled must be finite floating-point numbers"),
        ("Whole", "pooled must be finite floating-point numbers"),
        ("Moody", "in eval mode, the same inputs must give the same features"),
        ("Constant", "features must depend on the inputs"),
        ("Mask", "a mask without tokens means nothing"),
        ("GridAlone", "a grid without tokens means nothing"),
        ("Grid", r"grid must be \(height, width\) of cells, as many as there are tokens"),
        ("Flat", r"tokens must be \[present, length, feature_dim\]; they are \[3, 4\]"),
        ("NoMask", "tokens must come with a mask.*; there is none"),
        ("FloatMask", r"tokens must come with a mask.*; it is torch.float32 \[3, 1\]"),
        ("AllMasked", "every value must have one real token at least"),
        ("Batches", "forward must take a single value in eval mode"),
        ("Mixed", "features must not depend on the rest of the batch.*; value 0 alone differs by"),
        ("NoFinish", "an encoder with a `backbone` must `finish` what it gives; it raised Type"),
        ("OtherFinish", "forward must be `finish` after `backbone`"),
        ("Hidden", "state_dict must hold everything that features depend on"),
        ("Random", "in training mode, equal seeds of torch must give equal features"),
        ("Untrainable", "forward must run in training mode"),
        ("Unused", r"every trainable parameter must get a gradient; none reaches unused\.weight"),
        ("NoGradient", "gradients must not all be 0"),
    ],
)
def test_a_broken_rule_is_named(name: str, rule: str) -> None:
    with pytest.raises(ConformanceError, match=f"^NetConfig: .*{rule}"):
        check_encoder(NetConfig(name=name), MODALITY, VALUES)


class AimlessConfig(NetConfig):
    """It does not say what it encodes."""

    modality: ClassVar[str] = None  # type: ignore[assignment]


class FailingConfig(NetConfig):
    """Its requirements cannot be had."""

    def requires(self) -> dict[str, Any]:
        raise FileNotFoundError("weights")


class ListConfig(NetConfig):
    """Its requirements are no dict."""

    def requires(self) -> Any:
        return ["size"]


class ArrayConfig(NetConfig):
    """Its requirements are not plain."""

    def requires(self) -> dict[str, Any]:
        return {"mean": torch.zeros(3)}


class StubbornConfig(NetConfig):
    """It wants something that the modality does not give."""

    def build(self, *, length: int) -> Any:  # type: ignore[override]
        return Net()


@pytest.mark.parametrize(
    ("config", "rule"),
    [
        (AimlessConfig(), "must say what it encodes"),
        (FailingConfig(), "requires must give modality options.*FileNotFoundError: weights"),
        (ListConfig(), "requires must give a dict"),
        (ArrayConfig(), "requires must give modality options as plain data"),
        (
            StubbornConfig(),
            "build must take the modality's spec.*unexpected keyword argument 'width'",
        ),
    ],
    ids=lambda item: type(item).__name__,
)
def test_a_wrong_config_is_named(config: NetConfig, rule: str) -> None:
    with pytest.raises(ConformanceError, match=rule):
        check_encoder(config, MODALITY, VALUES)


def test_one_value_is_not_enough_to_check_with() -> None:
    with pytest.raises(ConformanceError, match="give two or more values"):
        check_encoder(NetConfig(), MODALITY, VALUES[:1])


def with_loss(loss: Callable[[Net], Any]) -> type[Net]:
    """Make a right encoder with a loss of its own."""

    plain = Net.forward

    def forward(self: Any, inputs: Tensor) -> Features:
        found: Features = replace(plain(self, inputs), auxiliary=loss(self))
        return found

    return wrong(forward)


@pytest.mark.parametrize(
    ("loss", "rule"),
    [
        (lambda net: net.layer.weight.sum(), "in eval mode there must be no auxiliary loss"),
        (
            lambda net: net.layer.weight.sum(dim=1) if net.training else None,
            "auxiliary must be a finite scalar",
        ),
        (
            lambda net: net.layer.weight.sum() * float("nan") if net.training else None,
            "auxiliary must be a finite scalar",
        ),
    ],
)
def test_a_loss_of_its_own_is_held_to_rules(
    loss: Callable[[Net], Any], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "Net", with_loss(loss))
    with pytest.raises(ConformanceError, match=rule):
        check_encoder(NetConfig(), MODALITY, VALUES)


def test_a_loss_of_its_own_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = with_loss(lambda net: net.layer.weight.square().sum() if net.training else None)
    monkeypatch.setitem(globals(), "Net", right)
    check_encoder(NetConfig(), MODALITY, VALUES)
