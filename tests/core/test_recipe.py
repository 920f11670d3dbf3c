"""Recipes: read, overridden, validated whole, resolved, written back."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

import pytest
from polymodal_core.config import Configuration
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_core.recipe import (
    Recipe,
    load_recipe,
    override,
    read_toml,
    recipe_model,
    recipe_schema,
    write_toml,
)
from pydantic import ValidationError, field_validator

from tests.core.toys import NumberConfig, ToyObjectiveConfig, toy_registry


class DataConfig(Configuration):
    """A section with a required option."""

    store: Path
    batch_size: int = 8
    limit: int | None = None


class PluginOptions(Configuration):
    """A section whose own check raises the project's error."""

    level: int = 1

    @field_validator("level")
    @classmethod
    def _check(cls, level: int) -> int:
        if level > 3:
            raise PolymodalError(f"level {level} is beyond 3")
        return level


REGISTRY = toy_registry()
SECTIONS: dict[str, Any] = {"data": DataConfig, "objective": REGISTRY.union("objective")}
TABLE: dict[str, Any] = {
    "seed": 3,
    "data": {"store": "data/rooms"},
    "modalities": {
        "number": {},
        "height": {"kind": "number", "jitter": 0.2, "encoder": {"dim": 6}},
    },
    "objective": {"kind": "toy", "pairs": [["number", "height", 0.5]]},
}


def load(table: dict[str, Any], **options: Any) -> Recipe:
    return load_recipe(table, registry=REGISTRY, sections=SECTIONS, **options)


def problems(table: dict[str, Any]) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(table)
    return [str(problem) for problem in caught.value.problems]


def test_a_recipe_is_validated_by_its_plugins() -> None:
    recipe = load(TABLE)
    assert list(recipe.columns) == ["number", "height"]
    assert isinstance(recipe.columns["height"].modality, NumberConfig)
    assert recipe.columns["height"].modality.jitter == 0.2
    assert recipe.columns["height"].encoder.model_dump()["dim"] == 6
    assert recipe.sections["data"].store == Path("data/rooms")
    assert isinstance(recipe.sections["objective"], ToyObjectiveConfig)
    assert recipe.sections["objective"].weights() == {("number", "height"): 0.5}
    assert recipe.embedding.dim == 256


def test_every_problem_is_reported_at_once_with_path_value_and_suggestion() -> None:
    found = problems(
        {
            "data": {"batch_sise": 4, "limit": "many"},
            "embeding": {},
            "embedding": {"dim": 0, "head": {"kind": "linaer"}},
            "modalities": {
                "number": {"jiter": 1.0},
                "numbre": {},
                "height": {"kind": "number", "encoder": {"kind": "liner"}},
                "depth": {"kind": "number", "jitter": float("nan")},
            },
            "objective": {"kind": "tou"},
        }
    )
    assert found == [
        "embedding.dim: Input should be greater than 0; given 0",
        "embedding.head.kind: Input should be 'linear', 'mlp', 'residual' or 'identity'; "
        "given 'linaer'",
        "data.store: is required and not given",
        "data.limit: Input should be a valid integer, unable to parse string as an integer; "
        "given 'many'",
        "data.batch_sise: unknown key; did you mean 'batch_size'? known: batch_size, limit, store",
        "objective.kind: unknown kind 'tou'; did you mean 'toy'? known: other, toy",
        "embeding: unknown section; did you mean 'embedding'? "
        "known: data, embedding, fusion, modalities, objective",
        "modalities.number.jiter: unknown key; did you mean 'jitter'? known: jitter, kind, unit",
        "modalities.numbre.kind: no modality 'numbre' is installed; did you mean 'number'? "
        'known: number; if the column has a name of its own, say kind = "..."',
        "modalities.height.encoder.kind: no encoder 'liner' of kind 'number' is installed; "
        "did you mean 'linear'? known: linear, pretrained",
        "modalities.depth.jitter: Input should be a finite number; given nan",
    ]


def test_the_message_counts_the_problems_and_names_the_source() -> None:
    with pytest.raises(RecipeError, match=r"^rooms.toml: 1 problem\n  data.store: is required"):
        load({**TABLE, "data": {}}, source="rooms.toml")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            [["number", "heigth"]],
            "objective.pairs.0: unknown column 'heigth'; did you mean 'height'",
        ),
        ([["number"]], """objective.pairs: ['number'] is no pair; wanted ["image", "text"], or"""),
        ([["number", "height", "x"]], "objective.pairs.0.2: Input should be a valid number"),
        ("number", 'objective.pairs: must be a list, as in ["a", "b"]'),
    ],
)
def test_pairs_are_of_columns_of_the_recipe(pairs: Any, message: str) -> None:
    found = problems({**TABLE, "objective": {"kind": "toy", "pairs": pairs}})
    assert any(problem.startswith(message) for problem in found), found


@pytest.mark.parametrize("section", [7, [], "x"])
def test_a_section_must_be_a_table(section: Any) -> None:
    assert problems({**TABLE, "data": section}) == [f"data: must be a table; given {section!r}"]
    assert problems({**TABLE, "objective": section}) == [
        f"objective: must be a table; given {section!r}"
    ]


def test_errors_that_a_plugin_raises_in_its_own_checks_are_problems_too() -> None:
    with pytest.raises(RecipeError, match="options: level 9 is beyond 3"):
        load_recipe(
            {"modalities": {"number": {}}, "options": {"level": 9}},
            registry=REGISTRY,
            sections={"options": PluginOptions},
        )


@pytest.mark.parametrize("modalities", [None, {}, [], "number"])
def test_a_recipe_needs_columns(modalities: Any) -> None:
    (problem,) = problems({**TABLE, "modalities": modalities, "objective": {"kind": "toy"}})
    assert problem.startswith("modalities: no column is declared")


def test_sections_of_others_are_left_alone_on_request() -> None:
    table = {**TABLE, "trainer_of_tomorrow": {"x": 1}, "data": {"nonsense": 1}}
    recipe = load_recipe(table, registry=REGISTRY, sections={}, ignore_others=True)
    assert recipe.table["trainer_of_tomorrow"] == {"x": 1}
    assert recipe.table["data"] == {"nonsense": 1}
    with pytest.raises(RecipeError, match="trainer_of_tomorrow: unknown section"):
        load_recipe(table, registry=REGISTRY, sections={})


def test_the_resolved_recipe_survives_toml_and_means_the_same() -> None:
    table = {
        **TABLE,
        "modalities": {
            **TABLE["modalities"],
            "width": {"share": "height", "head": {"kind": "mlp"}},
        },
    }
    recipe = load(table)
    text = write_toml(recipe.table)
    again = load(tomllib.loads(text))
    assert again == recipe
    assert write_toml(again.table) == text
    resolved = tomllib.loads(text)
    assert resolved["seed"] == 3
    assert resolved["data"] == {"store": "data/rooms", "batch_size": 8}  # no key for None
    assert resolved["modalities"]["height"]["encoder"] == {
        "kind": "linear",
        "dim": 6,
        "tuning": "full",
    }
    assert resolved["modalities"]["width"]["share"] == "height"
    assert "encoder" not in resolved["modalities"]["width"]


def test_settings_override_by_path_and_read_values_as_toml() -> None:
    table = override(
        TABLE,
        [
            "data.batch_size=32",
            "data.store=other/place",
            'modalities.number.unit="1"',
            "modalities.width.share=height",
            "objective.pairs=[['number', 'height']]",
            "new.deep.flag=true",
            "empty=",
            "equation=a=b",
        ],
    )
    assert table["data"] == {"store": "other/place", "batch_size": 32}
    assert table["modalities"]["number"] == {"unit": "1"}
    assert table["modalities"]["width"] == {"share": "height"}
    assert table["objective"]["pairs"] == [["number", "height"]]
    assert table["new"] == {"deep": {"flag": True}}
    assert table["empty"] == ""
    assert table["equation"] == "a=b"
    assert TABLE["data"] == {"store": "data/rooms"}  # the original is left alone


def test_settings_that_are_none_are_listed_together() -> None:
    with pytest.raises(RecipeError) as caught:
        override(TABLE, ["nonsense", "=3", "a..b=1", "seed.of.all=4"])
    assert [str(problem) for problem in caught.value.problems] == [
        "nonsense: is no setting; write --set section.key=value",
        "=3: is no setting; write --set section.key=value",
        "a..b=1: is no setting; write --set section.key=value",
        "seed.of.all: 'seed.of' is a value, not a table",
    ]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.toml: 1 problem\n  no such file"):
        read_toml(tmp_path / "nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[data\nstore = 1\n")
    with pytest.raises(RecipeError, match="line 1"):
        read_toml(broken)
    broken.write_bytes(b"a = '\xff'")
    with pytest.raises(RecipeError, match=r"broken\.toml"):
        read_toml(broken)
    with pytest.raises(RecipeError, match="Is a directory"):
        read_toml(tmp_path)


def test_the_schema_is_json_and_knows_every_plugin() -> None:
    schema = json.loads(json.dumps(recipe_schema(registry=REGISTRY, sections=SECTIONS)))
    assert {"NumberConfigColumn", "LinearConfig", "PretrainedConfig", "ToyObjectiveConfig"} <= set(
        schema["$defs"]
    )
    assert set(schema["properties"]) == {"seed", "modalities", "embedding", "data", "objective"}
    assert set(schema["required"]) == {"modalities", "data", "objective"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"seed": 0},
        {"modalities": {"number": {}, "width": {"share": "number"}}},
        {"modalities": {"number": {"encoder": {"dim": 3}, "head": {"kind": "mlp"}}}},
        {"embedding": {"dim": 8}},
    ],
)
def test_the_schema_takes_what_a_recipe_may_say(change: dict[str, Any]) -> None:
    table = {**TABLE, **change, "objective": {"kind": "toy"}}
    model = recipe_model(registry=REGISTRY, sections=SECTIONS)
    model.model_validate(table)
    model.model_validate(load(table).table)  # and resolved too


@pytest.mark.parametrize(
    "change",
    [
        {"modalities": {"number": {"jiter": 3}}},
        {"modalities": {"number": {"encoder": {"width": 3}}}},
        {"trianing": {}},
        {"objective": {"kind": "tou"}},
    ],
)
def test_the_schema_refuses_what_a_recipe_may_not_say(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        recipe_model(registry=REGISTRY, sections=SECTIONS).model_validate({**TABLE, **change})


class NestedConfig(Configuration):
    """A section with a union of its own."""

    choice: Literal["a", "b"] = "a"


def test_lists_of_tables_keep_their_index_in_paths() -> None:
    class Section(Configuration):
        items: tuple[NestedConfig, ...] = ()

    with pytest.raises(RecipeError) as caught:
        load_recipe(
            {"modalities": {"number": {}}, "section": {"items": [{}, {"choise": "b"}]}},
            registry=REGISTRY,
            sections={"section": Section},
        )
    (problem,) = caught.value.problems
    assert (
        str(problem) == "section.items.1.choise: unknown key; did you mean 'choice'? known: choice"
    )
