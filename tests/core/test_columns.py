"""Columns of a recipe: names, kinds, requirements of pretrained encoders, shared encoders."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.columns import ColumnConfig, check_column_name, parse_columns
from polymodal_core.config import EmbeddingConfig, HeadConfig
from polymodal_core.errors import Problem

from tests.core.toys import NumberConfig, toy_registry


def parse(given: Any, **embedding: Any) -> tuple[dict[str, ColumnConfig], list[str]]:
    problems: list[Problem] = []
    columns = parse_columns(given, EmbeddingConfig(**embedding), toy_registry(), problems)
    return columns, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    "name", ["a", "image", "front_view", "caption_de", "x2", "type", "training"]
)
def test_names_that_a_column_may_have(name: str) -> None:
    assert check_column_name(name) is None


@pytest.mark.parametrize("name", ["", "Image", "_x", "x_", "2x", "a-b", "a b", "a.b", "a/b", "é"])
def test_names_that_a_column_may_not_have(name: str) -> None:
    assert "is not lower-case letters" in str(check_column_name(name))


@pytest.mark.parametrize("name", ["instance", "label", "split"])
def test_names_of_row_columns_are_taken(name: str) -> None:
    assert "is the name of a row column" in str(check_column_name(name))
    _, problems = parse({name: {"kind": "number"}})
    assert problems == [f"modalities.{name}: '{name}' is the name of a row column; choose another"]


def test_a_column_named_as_its_kind_needs_no_kind() -> None:
    columns, problems = parse({"number": {}, "height": {"kind": "number"}})
    assert not problems
    assert columns["number"].modality == columns["height"].modality == NumberConfig()
    assert columns["number"].encoder.kind == "linear"


def test_what_pretrained_weights_fix_becomes_the_default() -> None:
    columns, problems = parse({"number": {"encoder": {"kind": "pretrained", "unit": "inch"}}})
    assert not problems
    assert columns["number"].modality == NumberConfig(unit="inch")


def test_a_contradiction_to_pretrained_weights_is_an_error() -> None:
    encoder = {"kind": "pretrained"}
    _, problems = parse({"number": {"unit": "foot", "encoder": encoder}})
    assert problems == [
        "modalities.number.unit: 'foot' contradicts the encoder's pretrained weights, which need "
        "'metre'; leave it out"
    ]
    columns, problems = parse({"number": {"unit": "metre", "encoder": encoder}})
    assert not problems
    assert columns["number"].modality == NumberConfig(unit="metre")


def test_a_shared_encoder_brings_its_modality_and_not_its_head() -> None:
    columns, problems = parse(
        {
            "width": {"share": "height", "head": {"kind": "mlp"}},
            "height": {"kind": "number", "jitter": 0.5, "head": {"kind": "linear"}},
            "depth": {"share": "height", "kind": "number"},
        },
        head=HeadConfig(kind="identity"),
    )
    assert not problems
    assert list(columns) == ["width", "height", "depth"]  # as written
    assert columns["width"].owner == columns["depth"].owner == columns["height"].owner == "height"
    assert columns["width"].modality is columns["height"].modality
    assert [columns[name].head.kind for name in columns] == ["mlp", "linear", "identity"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"share": "heigth"},
            "share: 'heigth' is no column with an own encoder; did you mean 'height'",
        ),
        ({"share": "width"}, "share: 'width' is no column with an own encoder"),
        ({"share": "depth"}, "share: 'depth' is no column with an own encoder"),
        ({"share": 5}, "share: '5' is no column with an own encoder"),
        ({"share": ["height"]}, "share: '['height']' is no column with an own encoder"),
        (
            {"share": "height", "jitter": 1},
            "jitter: belongs to the shared column; set modalities.height.jitter",
        ),
        (
            {"share": "height", "kind": "text"},
            "kind: 'text' differs from the shared column's 'number'",
        ),
        ({"share": "height", "head": {"kind": "x"}}, "head.kind: Input should be 'linear'"),
    ],
)
def test_sharing_that_makes_no_sense_is_an_error(options: dict[str, Any], message: str) -> None:
    _, problems = parse(
        {"height": {"kind": "number"}, "depth": {"share": "height"}, "width": options}
    )
    assert len(problems) == 1
    assert problems[0].startswith(f"modalities.width.{message}")


def test_problems_of_a_shared_column_are_listed_once() -> None:
    _, problems = parse({"height": {"kind": "number", "x": 1}, "width": {"share": "height"}})
    assert [problem.split(":")[0] for problem in problems] == ["modalities.height.x"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (5, "modalities.number: must be a table; given 5"),
        ({"kind": 5}, "modalities.number.kind: no modality '5' is installed"),
        ({"kind": ["number"]}, "modalities.number.kind: no modality '['number']' is installed"),
        ({"encoder": "linear"}, "modalities.number.encoder: must be a table; given 'linear'"),
        (
            {"encoder": {"kind": 3}},
            "modalities.number.encoder.kind: no encoder '3' of kind 'number'",
        ),
        ({"head": "mlp"}, "modalities.number.head: must be a table; given 'mlp'"),
    ],
)
def test_wrong_types_are_problems_and_no_tracebacks(options: Any, message: str) -> None:
    _, problems = parse({"number": options})
    assert len(problems) == 1
    assert problems[0].startswith(message)
