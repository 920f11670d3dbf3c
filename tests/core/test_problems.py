"""What is wrong with options, said with path, value and what is accepted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from polymodal_core.config import Configuration
from polymodal_core.problems import problems_of
from pydantic import Field, TypeAdapter, ValidationError

from tests.core.toys import LinearConfig, PretrainedConfig


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
