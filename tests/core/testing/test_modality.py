"""Every rule of a modality: a kind of value that breaks it alone is found out."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.geometry import Crop
from polymodal_core.testing import ConformanceError, check_modality
from pydantic import ConfigDict

from tests.core.toys import NumberConfig, NumberModality

VALUES = [1.5, -2.0, 7.25]
Wrong = Callable[..., Any]


def check(methods: dict[str, Wrong], **options: Any) -> None:
    """Check the toy modality with some methods replaced."""
    modality = type("WrongModality", (NumberModality,), methods)

    class WrongConfig(NumberConfig):
        def build(self, state: dict[str, Any] | None = None) -> NumberModality:
            built: NumberModality = modality(self.jitter, (state or {"mean": 0.0}).get("mean", 0.0))
            return built

    # Made on the spot, they are put where pickle looks for them.
    for name, made in {"WrongModality": modality, "WrongConfig": WrongConfig}.items():
        globals()[name] = made
        made.__module__, made.__qualname__ = __name__, name
    check_modality(WrongConfig(), VALUES, **options)


def count(self: Any) -> int:
    self.calls = getattr(self, "calls", 0) + 1
    return int(self.calls)


def test_a_right_one_passes_and_comes_back_fitted() -> None:
    modality = check_modality(NumberConfig(), VALUES, rejects=["x", None])
    assert vars(modality)["mean"] == pytest.approx(2.25)
    check({})


WRONG: list[tuple[dict[str, Wrong], str]] = [
    (
        {"pack": lambda self, value, root: 1 / 0},
        "pack must take every value given; it raised ZeroDivisionError",
    ),
    ({"pack": lambda self, value, root: str(value)}, "pack must give bytes; it gave str"),
    ({"pack": lambda self, value, root: b""}, "pack must give bytes"),
    (
        {"pack": lambda self, value, root: struct.pack("<d", value + 1e-9 * count(self))},
        "pack must give the same bytes for the same value",
    ),
    ({"decode": lambda self, payload: 1 / 0}, "decode must take what pack gave; it raised"),
    (
        {"decode": lambda self, payload: float(count(self))},
        "decode must give the same value for the same bytes",
    ),
    ({"decode": lambda self, payload: 3.0}, "decode must keep different values apart"),
    (
        {"fit": lambda self, values: {"mean": values[0]}},
        "fit must take an iterator over decoded values, read once",
    ),
    (
        {"fit": lambda self, values: {"mean": np.mean(list(values), dtype=np.float32)}},
        r"the state from fit must be plain data \(JSON\)",
    ),
    (
        {"fit": lambda self, values: {"mean": math.nan}},
        r"the state from fit must be plain data \(JSON\)",
    ),
    (
        {"fit": lambda self, values: {"mean": 0.0, 3: "x"}},
        "the state from fit must come back equal from JSON",
    ),
    ({"spec": lambda self: {}}, "spec must be a dict of keyword arguments"),
    ({"fit": lambda self, values: [1.0]}, "the state from fit must come back equal from JSON"),
    (
        {"fit": lambda self, values: {"mean": float(count(self))}},
        "fit must learn the same from the same values",
    ),
    (
        {"transform": lambda self, value, *, training, shared, own: 1 / 0},
        "transform must take decoded values, training and not",
    ),
    (
        {"transform": lambda self, value, *, training, shared, own: float(np.random.normal())},
        "transform must be repeatable: equal generators",
    ),
    (
        {"transform": lambda self, value, *, training, shared, own: own.normal()},
        "transform must not depend on the generators outside training",
    ),
    (
        {"__getstate__": lambda self: {"jitter": self.jitter, "mean": 0.0}},
        "a pickled modality must transform as before",
    ),
    ({"__reduce__": lambda self: 1 / 0}, "must be picklable, before and after use"),
    ({"screen": lambda self: lambda payload: 1 / 0}, "screen must give None, or a test"),
    ({"screen": lambda self: lambda payload: "yes"}, "a screen must say True or False"),
    ({"extent": lambda self, payload: 1 / 0}, "extent must take every stored value"),
    ({"extent": lambda self, payload: (4, 0)}, r"extent must be \(height, width\) in pixels"),
    ({"extent": lambda self, payload: (4, 5.0)}, r"extent must be \(height, width\) in pixels"),
    (
        {"collate": lambda self, examples: 1 / 0},
        "collate must take any number of examples, one among them",
    ),
    ({"collate": lambda self, examples: {}}, "collate must give tensors; it gave none"),
    (
        {"collate": lambda self, examples: np.array(examples)},
        "nested dicts and lists of tensors; inputs is ndarray",
    ),
    (
        {"collate": lambda self, examples: {"x": [torch.tensor(examples)], "n": len(examples)}},
        "inputs.n is int",
    ),
    (
        {"collate": lambda self, examples: torch.tensor([examples])},
        r"the first axis .* must be `present`.*; inputs has shape \[1, 3\] for 3 examples",
    ),
    (
        {"collate": lambda self, examples: torch.tensor(1.0)},
        "the first axis of collated inputs must be `present`",
    ),
    (
        {"collate": lambda self, examples: torch.tensor(examples) / 0},
        "collated inputs must be finite",
    ),
    (
        {"collate": lambda self, examples: torch.tensor(examples) - sum(examples)},
        "collating with others must change nothing .*; inputs of example 0 differs",
    ),
    ({"corruptions": lambda self: 3}, "corruptions must give functions by name"),
    (
        {"corruptions": lambda self: {"bad": lambda value, severity, rng: 1 / 0}},
        "corruption 'bad' must take decoded values and severities",
    ),
    (
        {"corruptions": lambda self: {"bad": lambda value, severity, rng: value + 1}},
        "corruption 'bad' must change nothing at severity 0",
    ),
    (
        {"corruptions": lambda self: {"bad": lambda value, severity, rng: value}},
        "corruption 'bad' must change something at severity 1",
    ),
    (
        {
            "corruptions": lambda self: {
                "bad": lambda value, severity, rng: value + severity * count(self)
            }
        },
        "corruption 'bad' must be repeatable",
    ),
    ({"window": lambda self, value: 1 / 0}, "window and spans must take a decoded value"),
    ({"window": lambda self, value: Crop(0, 0, 1.5, 1)}, r"window must lie within 0..1; it is"),
    ({"spans": lambda self, value: [(0, 99)]}, "spans must lie within the text that show gives"),
    ({"show": lambda self, value: 1 / 0}, "show must take a decoded value; it raised"),
    (
        {"show": lambda self, value: np.zeros((2, 2, 3))},
        r"show must give a uint8 array .*; it gave float64 \[2, 2, 3\]",
    ),
    (
        {"show": lambda self, value: np.zeros((2, 2), dtype=np.uint8)},
        "show must give a uint8 array",
    ),
    ({"show": lambda self, value: " "}, "show must give a uint8 array .* or text"),
    ({"show": lambda self, value: value}, "show must give a uint8 array .* or text; it gave 1.5"),
    ({"spec": lambda self: 1 / 0}, "spec must give what an encoder must know, as plain data"),
    (
        {"spec": lambda self: {"size": np.int64(3)}},
        "spec must give what an encoder must know, as plain data",
    ),
    ({"spec": lambda self: [3]}, "spec must be a dict of keyword arguments"),
]


@pytest.mark.parametrize(
    ("methods", "rule"),
    WRONG,
    ids=[f"{number}-{next(iter(item[0]))}" for number, item in enumerate(WRONG)],
)
def test_a_broken_rule_is_named(methods: dict[str, Wrong], rule: str) -> None:
    with pytest.raises(ConformanceError, match=rf"^WrongConfig: .*{rule}"):
        check(methods)


class ListModality(NumberModality):
    """Numbers as lists of one, which can be changed in place."""

    def pack(self, value: Any, root: str | None) -> bytes:
        return struct.pack("<d", value)

    def decode(self, payload: bytes) -> Any:
        return list(struct.unpack("<d", payload))

    def fit(self, values: Any) -> dict[str, Any]:
        return {"mean": 0.0}

    def transform(self, value: Any, *, training: bool, shared: Any, own: Any) -> float:
        return float(value[0])

    def show(self, value: Any) -> str:
        return str(value)

    def corruptions(self) -> dict[str, Any]:
        return {}


class InPlaceTransform(ListModality):
    """Its transform changes the value."""

    def transform(self, value: Any, *, training: bool, shared: Any, own: Any) -> float:
        value.append(0.0)
        return float(value[0])


class InPlaceCorruption(ListModality):
    """Its corruption changes the value, by nothing at severity 0."""

    def corruptions(self) -> dict[str, Any]:
        def scale(value: Any, severity: float, rng: Any) -> Any:
            value[0] = value[0] if severity == 0 else 100.0
            return list(value)

        return {"scale": scale}


class ListConfig(NumberConfig):
    """Builds the modality named."""

    name: str = "ListModality"

    def build(self, state: dict[str, Any] | None = None) -> NumberModality:
        built: NumberModality = globals()[self.name](0.0, 0.0)
        return built


def test_values_must_be_left_unchanged() -> None:
    check_modality(ListConfig(), VALUES)
    with pytest.raises(ConformanceError, match="transform must leave its value unchanged"):
        check_modality(ListConfig(name="InPlaceTransform"), VALUES)
    with pytest.raises(ConformanceError, match="corruption 'scale' must"):
        check_modality(ListConfig(name="InPlaceCorruption"), VALUES)


def test_bad_values_must_be_refused_as_the_contract_says() -> None:
    with pytest.raises(ConformanceError, match=r"pack must refuse a bad value; it took 3\.5"):
        check_modality(NumberConfig(), VALUES, rejects=["x", 3.5])

    def pack(self: Any, value: Any, root: str | None) -> bytes:
        return struct.pack("<d", value)

    with pytest.raises(
        ConformanceError, match=r"with ValueRejectedError; 'x' raised error: required argument"
    ):
        check({"pack": pack}, rejects=["x"])


def test_one_value_is_not_enough_to_check_with() -> None:
    with pytest.raises(ConformanceError, match="give two or more values to check with; 1 given"):
        check_modality(NumberConfig(), VALUES[:1])


class NeedsConfig(NumberConfig):
    """It cannot be built with defaults."""

    size: int

    model_config = ConfigDict(extra="forbid", frozen=True)


def test_a_modality_must_build_with_defaults() -> None:
    with pytest.raises(ConformanceError, match="must build with defaults, and without state"):
        check_modality(NeedsConfig(size=3), VALUES)


class ForgetfulConfig(NumberConfig):
    """What its fit learned changes nothing on the way, but is lost in JSON."""

    def build(self, state: dict[str, Any] | None = None) -> NumberModality:
        if state is not None:
            FORGETFUL.append(id(state))
        fresh = state is None or FORGETFUL.index(id(state)) == 0
        return NumberModality(0.0, 0.0 if fresh else 5.0)


FORGETFUL: list[int] = []


def test_a_state_must_mean_the_same_after_json() -> None:
    FORGETFUL.clear()
    with pytest.raises(
        ConformanceError, match="rebuilt from its state as JSON must transform as before"
    ):
        check_modality(ForgetfulConfig(), VALUES)
