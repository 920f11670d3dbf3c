"""The shipped recipes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.plugins import registry
from polymodal_trainer.catalogue import shipped
from polymodal_trainer.resolve import read_recipe

RECIPES = shipped()


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_valid_as_shipped(name: str) -> None:
    recipe = read_recipe(RECIPES[name], (), registry=registry())
    assert recipe.table["data"]["store"].startswith("data/")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_names_no_place_of_one_machine(name: str) -> None:
    values = list(strings(tomllib.loads(RECIPES[name].read_text())))
    assert values
    assert not [value for value in values if Path(value).is_absolute() or "../" in value]


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_says_how_to_pack_and_train(name: str) -> None:
    text = RECIPES[name].read_text()
    assert re.search(r"^#   polymodal-pack ", text, re.M)
    assert f"polymodal-train run {name}" in text


def test_rooms_explains_each_of_its_keys() -> None:
    # In the first recipe that people read, a key carries a comment where it first occurs.
    self_evident = {"size", "encoder", "epochs", "optimizer", "kind"}
    explained = set(self_evident)
    for line in RECIPES["rooms"].read_text().splitlines():
        match = re.match(r"([a-z_]+) = ", line)
        if match is not None:
            assert "#" in line or match[1] in explained, line
            explained.add(match[1])
    assert len(explained) > 25


def test_emoji_shares_one_text_encoder() -> None:
    recipe = read_recipe(RECIPES["emoji"], (), registry=registry())
    assert {column.owner for column in recipe.columns.values()} == {"image", "name_en"}


def test_image_and_depth_show_the_same_place() -> None:
    for name in ("rooms", "nyuv2"):
        table = read_recipe(RECIPES[name], (), registry=registry()).table["modalities"]
        for key in ("size", "crop_scale", "flip", "resize"):
            assert table["image"][key] == table["depth"][key]
