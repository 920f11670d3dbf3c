"""The shipped recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from polymodal_core.plugins import registry
from polymodal_trainer.catalogue import shipped
from polymodal_trainer.resolve import read_recipe

RECIPES = shipped()


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_valid_as_shipped(name: str) -> None:
    recipe = read_recipe(RECIPES[name], (), registry=registry())
    assert recipe.table["data"]["store"].startswith("data/")


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_names_no_place_of_one_machine(name: str) -> None:
    text = RECIPES[name].read_text()
    values = re.findall(r'"([^"]*)"', text)
    assert not [value for value in values if Path(value).is_absolute() or ".." in value]


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_says_how_to_pack_and_train(name: str) -> None:
    text = RECIPES[name].read_text()
    assert re.search(r"^#   polymodal-pack ", text, re.M)
    assert f"polymodal-train run {name}" in text


def test_rooms_explains_each_of_its_keys() -> None:
    # Every key of the first recipe that people read carries a comment, on its line or above.
    lines = RECIPES["rooms"].read_text().splitlines()
    bare = [
        line
        for line in lines
        if re.match(r"[a-z_]+ = ", line)
        and "#" not in line
        and not re.match(r"(size|encoder|epochs|optimizer|kind) ", line)
    ]
    assert not bare


def test_emoji_shares_one_text_encoder() -> None:
    recipe = read_recipe(RECIPES["emoji"], (), registry=registry())
    assert {column.owner for column in recipe.columns.values()} == {"image", "name_en"}


def test_image_and_depth_show_the_same_place() -> None:
    for name in ("rooms", "nyuv2"):
        table = read_recipe(RECIPES[name], (), registry=registry()).table["modalities"]
        for key in ("size", "crop_scale", "flip", "resize"):
            assert table["image"][key] == table["depth"][key]
