from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from polymodal_core.errors import RunError
from polymodal_trainer.study.folder import begin
from polymodal_trainer.study.source import read_study


def begun(path: Path, *settings: str) -> list[str]:
    study = begin(Path("runs/mine"), read_study(path, settings))
    return [run.folder for run in study.runs]


def test_study_toml_holds_the_whole_study(study_file: Path) -> None:
    begun(study_file, "training.epochs=5")
    table = tomllib.loads(Path("runs/mine/study.toml").read_text())
    assert table["recipe"]["training"]["epochs"] == 5
    assert table["recipe"]["embedding"]["dim"] == 8
    assert table["tables"][0]["title"] == "By loss"
    before = Path("runs/mine/study.toml").read_bytes()
    assert begun(Path("runs/mine/study.toml")) == begun(study_file, "training.epochs=5")
    assert Path("runs/mine/study.toml").read_bytes() == before


def test_a_grid_may_grow_and_what_is_not_asked_for_stays(study_file: Path) -> None:
    begun(study_file)
    assert len(begun(study_file, "grid.seed=[1]")) == 8  # seeds 0 and 1
    assert len(begun(study_file, "grid.objective.slow={training={epochs=9}}")) == 12
    table = tomllib.loads(Path("runs/mine/study.toml").read_text())
    assert table["grid"]["seed"] == [0, 1]
    assert list(table["grid"]["objective"]) == ["PCMC", "PCMR", "slow"]


def test_tables_and_evaluation_may_change(study_file: Path) -> None:
    begun(study_file)
    study_file.write_text(study_file.read_text().replace("By loss", "Anew"))
    begun(study_file, "evaluation.split=validation")
    table = tomllib.loads(Path("runs/mine/study.toml").read_text())
    assert table["tables"][0]["title"] == "Anew"
    assert table["recipe"]["evaluation"] == {"split": "validation"}


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("training.epochs=3", "training.epochs: 2 in the study, 3 now"),
        (
            "grid.objective.PCMR.objective.rho=1.0",
            "grid.objective.PCMR.objective.rho: 0.5 in the study, 1.0 now",
        ),
        ('grid."embedding.dim"=[3]', None),
    ],
)
def test_another_study_is_refused_with_what_differs(
    study_file: Path, setting: str, line: str | None
) -> None:
    begun(study_file)
    before = Path("runs/mine/study.toml").read_bytes()
    if line is None:
        text = study_file.read_text().replace("seed = [0]", 'seed = [0]\n"embedding.dim" = [3]')
        study_file.write_text(text)
        setting, line = "embedding.head.kind=mlp", "grid.embedding.dim: a new axis"
    with pytest.raises(RunError, match="runs/mine holds a study that was begun otherwise") as error:
        begun(study_file, setting)
    assert f"\n  {line}\n" in str(error.value)
    assert "`polymodal-train study runs/mine`, or choose another --out" in str(error.value)
    assert Path("runs/mine/study.toml").read_bytes() == before


def test_where_something_else_lies(study_file: Path) -> None:
    folder = Path("runs/mine")
    folder.parent.mkdir()
    folder.write_text("")
    with pytest.raises(RunError, match="is a file"):
        begun(study_file)
    folder.unlink()
    folder.mkdir()
    (folder / "notes.txt").touch()
    with pytest.raises(RunError, match="exists and is not empty"):
        begun(study_file)
    (folder / "recipe.toml").touch()
    with pytest.raises(RunError, match="the folder of a run, not of a study"):
        begun(study_file)
