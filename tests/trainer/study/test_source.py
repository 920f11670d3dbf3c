from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import RecipeError, RunError, UnknownNameError
from polymodal_trainer.catalogue import shipped_studies
from polymodal_trainer.study.source import find_study, read_study


def test_a_study_by_name_path_or_folder(tmp_path: Path) -> None:
    assert find_study("losses").source.path == shipped_studies()["losses"]
    assert find_study("losses").folder == Path("runs/losses")
    assert find_study("some/mine.toml").folder == Path("runs/mine")
    folder = tmp_path / "begun"
    folder.mkdir()
    with pytest.raises(RunError, match=r"without study\.toml is no study"):
        find_study(str(folder))
    (folder / "study.toml").touch()
    assert find_study(str(folder)).folder == folder
    with pytest.raises(UnknownNameError, match=r"no study 'lossse'.*did you mean 'losses'\?"):
        find_study("lossse")


def test_the_base_is_beside_the_study_and_changed_by_it(study_file: Path) -> None:
    study = read_study(study_file, ["training.epochs=7", "recipe.embedding.dim=4", "grid.seed=[3]"])
    recipe = study.table["recipe"]
    assert "base" not in recipe
    assert recipe["training"]["epochs"] == 7
    assert recipe["training"]["device"] == "cpu"  # of the base
    assert recipe["embedding"]["dim"] == 4
    assert [recipe["seed"] for recipe in study.recipes] == [3, 3, 3, 3]
    assert study.recipes[3]["objective"] == {"kind": "pcmr", "rho": 0.5}


def test_a_shipped_recipe_as_the_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[recipe]\nbase = "rooms"\n[grid]\nseed = [0]')
    assert read_study(path, []).table["recipe"]["data"]["store"] == "data/rooms"
    path.write_text('[recipe]\nbase = "romos"\n[grid]\nseed = [0]')
    with pytest.raises(UnknownNameError, match=r"did you mean 'rooms'\?"):
        read_study(path, [])
    path.write_text("[recipe]\nbase = 3\n[grid]\nseed = [0]")
    with pytest.raises(RecipeError, match=r"recipe\.base: must be the name or path.*given 3"):
        read_study(path, [])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=5", r"seed: axis 'seed' of the grid sets this in every run; --set grid\.seed="),
        ("objective.kind=pcmc", r"objective\.kind: axis 'objective'.*grid\.objective\.NAME"),
        ("training", "is no setting"),
        ("grid.seed=[]", r"grid\.seed: has no value"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    study_file: Path, setting: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        read_study(study_file, [setting])


def test_a_setting_that_some_variants_leave_alone_is_taken(study_file: Path) -> None:
    study = read_study(study_file, ["objective.groups=instance"])
    assert study.recipes[0]["objective"] == {"kind": "pcmc", "groups": "instance"}
