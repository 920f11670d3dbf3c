from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import RecipeError
from polymodal_core.plugins import registry
from polymodal_trainer.study.checking import RecipeCheck
from polymodal_trainer.study.source import read_study


def problems_of(path: Path, *settings: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read_study(path, settings, check=RecipeCheck(registry()))
    return [str(problem) for problem in caught.value.problems]


def test_all_recipes_are_resolved(study_file: Path) -> None:
    check = RecipeCheck(registry())
    study = read_study(study_file, [], check=check)
    assert list(check.recipes) == [run.folder for run in study.runs]
    assert check.recipes["pcmr-l-m-seed0"].table["objective"]["rho"] == 0.5
    assert list(check.recipes["pcmr-l-m-seed0"].columns) == ["left", "middle"]


def test_problems_name_the_runs_that_have_them(study_file: Path) -> None:
    study_file.write_text(study_file.read_text().replace("rho = 0.5", "rho = -1").replace(
        '"r@1"', '"r@0"'
    ))  # fmt: skip
    found = problems_of(study_file, "training.epoch=3")
    assert len(found) == 3
    assert found[0].startswith("tables.0.PCMC.L+M.metric: task 'retrieval' has no metric 'r@0'")
    assert found[1].startswith("training.epoch: unknown key; did you mean 'epochs'?")
    assert found[1].endswith("(all 4 runs)")
    assert found[2].startswith("objective.rho: ")
    assert found[2].endswith("(runs pcmr-l-m-seed0, pcmr-all-seed0)")


def test_an_axis_over_no_field_is_said_where_it_stands(study_file: Path) -> None:
    (problem,) = problems_of(study_file, "grid.sede=[0, 1]")
    assert problem.startswith("grid.sede: no such field of a recipe; known: seed, or a path")
    text = study_file.read_text()
    study_file.write_text(text.replace("seed = [0]", '"training.epoch" = [1]'))
    (problem,) = problems_of(study_file)
    assert problem.startswith("grid.training.epoch: unknown key; did you mean 'epochs'?")


def test_variants_without_effect_are_refused(study_file: Path) -> None:
    text = study_file.read_text()
    study_file.write_text(text.replace("rho = 0.5 } }", "rho = 0.5 } }\nsame = { objective = "
                                       '{ kind = "pcmc", temperature = 0.07 } }'))  # fmt: skip
    assert problems_of(study_file) == ["grid.objective: PCMC and same give the same recipe"]


def test_a_shared_encoder_needs_its_owner(study_file: Path) -> None:
    study_file.write_text(study_file.read_text().replace('"left", "middle"]', '"left", "right"]'))
    assert any("right" in problem for problem in problems_of(study_file))
