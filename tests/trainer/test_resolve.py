"""From a recipe's table to a validated recipe."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.errors import RecipeError
from polymodal_core.plugins import registry
from polymodal_trainer.catalogue import shipped
from polymodal_trainer.resolve import read_recipe, resolve, schema

TABLE: dict[str, Any] = {
    "data": {"store": "somewhere"},
    "modalities": {"left": {"kind": "attributes"}, "text": {}},
    "objective": {"kind": "pcmc"},
}


def problems(table: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(RecipeError) as caught:
        resolve(table, registry=registry(), source="mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    return {problem.path: problem.message for problem in caught.value.problems}


def test_defaults_are_filled_in() -> None:
    recipe = resolve(TABLE, registry=registry())
    assert recipe.table["seed"] == 0
    assert recipe.table["training"]["epochs"] == 20
    assert recipe.table["evaluation"]["split"] == "test"
    assert recipe.columns["text"].encoder.kind == "transformer"


def test_resolved_recipe_resolves_to_itself() -> None:
    once = resolve(TABLE, registry=registry()).table
    assert resolve(once, registry=registry()).table == once


@pytest.mark.parametrize("seed", [-1, 1.5, "one", True, 2**63])
def test_bad_seed_is_told_beside_every_other_problem(seed: Any) -> None:
    found = problems({**TABLE, "seed": seed, "trainning": {}})
    assert repr(seed) in found["seed"]
    assert "did you mean 'training'?" in found["trainning"]


def test_required_key_says_how_to_pass_it() -> None:
    found = problems({**TABLE, "data": {}})
    assert found == {
        "data.store": "is required and not given; write it, or pass --set data.store=VALUE"
    }


def test_section_left_out_names_its_kind() -> None:
    table = {key: value for key, value in TABLE.items() if key != "objective"}
    assert "objective.kind" in problems(table)


def test_schema_accepts_the_seed() -> None:
    described = schema(registry())
    assert described["properties"]["seed"]["minimum"] == 0
    assert described["properties"].keys() >= {"data", "modalities", "objective", "training"}
    training = described["$defs"]["TrainingConfig"]["properties"]
    assert all("description" in field for field in training.values())


def test_chunks_of_maps_are_refused_with_all_other_problems() -> None:
    settings = ["training.chunk_size=8", 'training.stages=[{name="a", columns=["imge"]}]']
    path = shipped()["nyuv2_segmentation"]
    with pytest.raises(RecipeError) as caught:
        read_recipe(path, settings, registry=registry())
    assert {problem.path for problem in caught.value.problems} == {
        "training.chunk_size",
        "training.stages.0.columns",
    }
    summed = 'objective={kind="sum", parts=[{kind="segmentation"}, {kind="pcmc"}]}'
    with pytest.raises(RecipeError, match="the objective sum reads maps of tokens"):
        read_recipe(path, [settings[0], summed], registry=registry())
    assert read_recipe(path, [summed], registry=registry())
