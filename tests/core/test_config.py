"""Bases of configuration: strict, frozen, and clear about what is wrong."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
import torch
from polymodal_core.config import (
    Configuration,
    EmbeddingConfig,
    EncoderConfig,
    FusionConfig,
    HeadConfig,
    ImporterConfig,
    ModalityConfig,
    ObjectiveConfig,
    TaskConfig,
    problems_of,
)
from pydantic import Field, TypeAdapter, ValidationError

from tests.core.toys import LinearConfig, NumberConfig, PretrainedConfig, ToyObjectiveConfig


def test_configurations_are_frozen_and_refuse_unknown_keys() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        NumberConfig().jitter = 0.5  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        NumberConfig.model_validate({"jiter": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_option_takes_what_is_not_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        NumberConfig(jitter=value)


def test_the_kind_of_a_class_is_its_default() -> None:
    assert NumberConfig.kind_name() == "number"
    assert ModalityConfig.kind_name() == ""
    assert EmbeddingConfig.kind_name() == ""


def test_pairs_have_weight_one_unless_said() -> None:
    assert ToyObjectiveConfig().weights() is None
    pairs: Any = [["a", "b"], ["b", "c", 0.5]]
    assert ToyObjectiveConfig(pairs=pairs).weights() == {("a", "b"): 1.0, ("b", "c"): 0.5}


@pytest.mark.parametrize("options", [{"hidden": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_head_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        HeadConfig.model_validate(options)


def test_a_head_is_as_wide_inside_as_the_space_unless_said() -> None:
    default = HeadConfig(kind="mlp").build(feature_dim=3, dim=5)
    wide = HeadConfig(kind="mlp", hidden=7).build(feature_dim=3, dim=5)
    assert sorted(item.shape for item in default.parameters()) == [(5,), (5,), (5, 3), (5, 5)]
    assert (7, 3) in [item.shape for item in wide.parameters()]
    assert default(torch.randn(2, 3)).shape == (2, 5)


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        (ModalityConfig, {}),
        (EncoderConfig, {}),
        (FusionConfig, {"feature_dims": {}}),
        (ObjectiveConfig, {}),
        (ImporterConfig, {}),
        (TaskConfig, {}),
    ],
)
def test_the_bases_build_nothing(base: type[Any], arguments: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        base(kind="x").build(**arguments)


class Inner(Configuration):
    """A nested table."""

    size: int = Field(default=1, gt=0)


class Outer(Configuration):
    """A table with a table, a list and a union inside."""

    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    encoder: Annotated[LinearConfig | PretrainedConfig, Field(discriminator="kind")] = (
        LinearConfig()
    )
    mode: Literal["a", "b"] = "a"
    either: int | tuple[int, int] = 0


def problems(given: Any, kind: Any = Outer, path: str = "top") -> list[str]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)
    return [str(item) for item in problems_of(caught.value, kind, given, path=path)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"inner": {"size": 0}}, "top.inner.size: Input should be greater than 0; given 0"),
        ({"inner": {"sise": 2}}, "top.inner.sise: unknown key; did you mean 'size'? known: size"),
        ({"several": [{}, {"size": "x"}]}, "top.several.1.size: Input should be a valid integer"),
        (
            {"encoder": {"kind": "linear", "dimm": 3}},
            "top.encoder.dimm: unknown key; did you mean 'dim'? known: dim, kind, lora, tuning",
        ),
        (
            {"encoder": {"kind": "liner"}},
            "top.encoder.kind: unknown kind 'liner'; did you mean 'linear'? known: linear, pret",
        ),
        ({"encoder": {}}, "top.encoder.kind: is required and not given"),
        ({"mode": "c"}, "top.mode: Input should be 'a' or 'b'; given 'c'"),
        ({"inner": 5}, "top.inner: must be a table; given 5"),
        (
            {"several": "a,b"},
            """top.several: must be a list, as in ["a", "b"] or [1, 2]; given 'a,b'""",
        ),
        ({"Mode": "a"}, "top.Mode: unknown key; did you mean 'mode'?"),
    ],
)
def test_problems_have_path_value_and_what_is_accepted(given: Any, expected: str) -> None:
    (problem,) = problems(given)
    assert problem.startswith(expected)


def test_members_of_a_union_do_not_show_in_paths() -> None:
    assert {problem.split(":")[0] for problem in problems({"either": [1, "x"]})} == {
        "top.either",
        "top.either.1",
    }


def test_a_problem_without_a_section_has_its_own_path() -> None:
    assert problems({"mode": 1}, path="")[0].startswith("mode: ")
