"""Finding recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import RunError, UnknownNameError
from polymodal_trainer.catalogue import description, find_recipe, shipped


def test_shipped_recipe_by_name() -> None:
    found = find_recipe("rooms")
    assert found.path == shipped()["rooms"]
    assert found.name == "rooms"


def test_own_recipe_by_path() -> None:
    found = find_recipe("somewhere/mine.toml")
    assert (found.path, found.name) == (Path("somewhere/mine.toml"), "mine")


def test_run_folder_by_path(tmp_path: Path) -> None:
    run = tmp_path / "first"
    run.mkdir()
    with pytest.raises(RunError, match=r"without recipe\.toml is no run"):
        find_recipe(str(run))
    (run / "recipe.toml").touch()
    assert find_recipe(f"{run}/") == find_recipe(str(run))
    assert find_recipe(str(run)).name == "first"


def test_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'romos'.*did you mean 'rooms'\?.*\.toml"):
        find_recipe("romos")


def test_every_shipped_recipe_describes_itself() -> None:
    assert {"rooms", "flickr8k", "flickr8k_frozen", "nyuv2", "cub100", "emoji"} <= shipped().keys()
    for path in shipped().values():
        assert 20 < len(description(path)) < 120


def test_recipe_without_comment_has_no_description(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("seed = 1\n")
    assert description(path) == ""
