"""Every rule of an objective: one that breaks it alone is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from polymodal_core.config import ObjectiveConfig
from polymodal_core.testing import ConformanceError, check_objective
from torch import Tensor, nn

from tests.core.toys import ToyObjectiveConfig, ToyOutput

PAIR = ("image", "text")


def contrast(
    z: dict[str, Tensor], present: dict[str, Tensor], groups: Tensor
) -> tuple[Tensor, Tensor]:
    """Score as InfoNCE does over the rows that have both, groups aside."""
    both = present["image"] & present["text"]
    same = (groups[both][:, None] == groups[both]) & ~torch.eye(int(both.sum()), dtype=torch.bool)
    logits = (z["image"][both] @ z["text"][both].T / 0.1).masked_fill(same, -1e4)
    loss = F.cross_entropy(logits, torch.arange(len(logits)), reduction="sum")
    return loss, both.sum()


class Loss(nn.Module):
    """A right objective; wrong ones change what it computes or returns."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        size = len(embeddings["image"])
        if present is None:
            present = {name: torch.ones(size, dtype=torch.bool) for name in embeddings}
        groups = torch.arange(size) if groups is None else groups
        total, anchors = self.score(embeddings, present, groups)
        return ToyOutput(total, {PAIR: total.detach()}, {PAIR: anchors})

    def score(self, z: Any, present: Any, groups: Any) -> tuple[Tensor, Tensor]:
        """Give total and anchors."""
        return contrast(z, present, groups)


class LossConfig(ObjectiveConfig):
    """Builds the class named."""

    kind: Literal["loss"] = "loss"
    name: str = "Loss"

    def build(self) -> Any:
        return globals()[self.name]()


Score = Callable[[Any, Any, Any, Any], tuple[Tensor, Tensor]]


def scored(score: Score) -> type[Loss]:
    """Make an objective with another score."""
    return type("Wrong", (Loss,), {"score": score})


def returned(change: Callable[[ToyOutput], Any]) -> type[Loss]:
    """Make an objective that changes what it returns."""

    def forward(self: Any, z: Any, *, present: Any = None, groups: Any = None) -> Any:
        return change(Loss.forward(self, z, present=present, groups=groups))

    return type("Wrong", (Loss,), {"forward": forward})


class NotAModule:
    """It is no module."""


Fails = scored(lambda self, z, present, groups: 1 / 0)  # type: ignore[arg-type, return-value]
Detached = returned(lambda out: ToyOutput(out.total.detach(), out.parts, out.anchors))
Vector = returned(lambda out: ToyOutput(out.total[None], out.parts, out.anchors))
NoParts = returned(lambda out: ToyOutput(out.total, {}, out.anchors))
OtherParts = returned(
    lambda out: ToyOutput(out.total, {("text", "image"): out.total.detach()}, out.anchors)
)
StrangeParts = returned(
    lambda out: ToyOutput(out.total, {("a", "b"): out.total}, {("a", "b"): out.anchors[PAIR]})
)
GraphParts = returned(lambda out: ToyOutput(out.total, {PAIR: out.total}, out.anchors))
FloatAnchors = returned(
    lambda out: ToyOutput(out.total, out.parts, {PAIR: out.anchors[PAIR].float()})
)
OneSided = scored(
    lambda self, z, present, groups: contrast({**z, "text": z["text"].detach()}, present, groups)
)
NoPresence = scored(
    lambda self, z, present, groups: contrast(
        z, {name: torch.ones_like(mask) for name, mask in present.items()}, groups
    )
)
Mean = scored(
    lambda self, z, present, groups: (
        (found := contrast(z, present, groups))[0] / found[1],
        found[1],
    )
)
Ordered = scored(
    lambda self, z, present, groups: (
        (found := contrast(z, present, groups))[0] + (z["image"][5] * present["image"][5]).sum(),
        found[1],
    )
)
Peeks = scored(
    lambda self, z, present, groups: (
        (found := contrast(z, present, groups))[0] + 0.1 * z["image"].detach().sum(),
        found[1],
    )
)
Haunted = scored(
    lambda self, z, present, groups: (
        (found := contrast(z, present, groups))[0]
        + (0 if present["image"].any() else z["image"].sum()),
        found[1],
    )
)


class Shifting(Loss):
    """It grows with every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def score(self, z: Any, present: Any, groups: Any) -> tuple[Tensor, Tensor]:
        """Add the number of calls."""
        self.calls += 1
        total, anchors = contrast(z, present, groups)
        return total + self.calls, anchors


class NeedsGroups(Loss):
    """It cannot do without groups."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        if groups is None and present is None:
            raise ValueError("no groups")
        return super().forward(embeddings, present=present, groups=groups)


class NoGroups(Loss):
    """It takes no groups."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        if groups is not None:
            raise ValueError("no groups, please")
        return super().forward(embeddings, present=present)


class InventedGroups(Loss):
    """Without groups, it makes some up."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        pairs = torch.arange(len(embeddings["image"])) // 2
        return super().forward(
            embeddings, present=present, groups=pairs if groups is None else groups
        )


class NothingPresent(Loss):
    """Without presence, the last row is left out."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        if present is None:
            present = {name: torch.arange(len(z)) < len(z) - 1 for name, z in embeddings.items()}
        return super().forward(embeddings, present=present, groups=groups)


class DoubleOnly(Loss):
    """It takes float64 alone."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        if embeddings["image"].dtype != torch.float64:
            raise TypeError("float64, please")
        return super().forward(embeddings, present=present, groups=groups)


class Rough(Loss):
    """In float32 it is far off."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        out = super().forward(embeddings, present=present, groups=groups)
        if embeddings["image"].dtype == torch.float64:
            return out
        return ToyOutput(out.total * 1.1, out.parts, out.anchors)


def test_right_ones_pass() -> None:
    state = torch.get_rng_state()
    check_objective(LossConfig())
    check_objective(ToyObjectiveConfig())
    check_objective(ToyObjectiveConfig(), columns=["left", "right"])
    pairs: Any = [["depth", "speech"]]
    check_objective(ToyObjectiveConfig(pairs=pairs))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("NotAModule", "build must give an nn.Module; it gave NotAModule"),
        ("Missing", "must build; it raised KeyError"),
        ("Fails", "must take embeddings, and presence by column; it raised ZeroDivisionError"),
        ("Detached", "total must be a finite scalar with a graph"),
        ("Vector", "total must be a finite scalar with a graph"),
        ("NoParts", "parts must hold a scalar per pair; it is empty"),
        ("OtherParts", "parts and anchors must have the same pairs"),
        ("StrangeParts", r"the keys of parts must be pairs of columns; one is \('a', 'b'\)"),
        ("GraphParts", "parts must be detached scalars"),
        ("FloatAnchors", "anchors must be int64 scalars"),
        ("OneSided", "a gradient must reach every column; none reaches 'text'"),
        ("Shifting", "equal embeddings must give an equal total"),
        ("NoPresence", "absent rows must get no gradient; column 'image'"),
        ("Peeks", "what stands in absent rows must not change the total"),
        ("Mean", "a batch without pairs must give no NaN"),
        ("Haunted", "a batch without pairs must give no gradient"),
        ("NoGroups", r"must take groups, int \[batch\]; it raised ValueError: no groups, please"),
        ("Ordered", "the order of rows in a batch must not change the total"),
        ("NeedsGroups", "presence and groups may be None; it raised ValueError"),
        ("NothingPresent", "presence None must mean that everything is present"),
        ("InventedGroups", "groups None must mean that every row is a group of its own"),
        ("DoubleOnly", "must take float32 embeddings; it raised TypeError"),
        ("Rough", "float32 and float64 must agree"),
    ],
)
def test_a_broken_rule_is_named(name: str, rule: str) -> None:
    with pytest.raises(ConformanceError, match=f"^LossConfig: {rule}"):
        check_objective(LossConfig(name=name))
