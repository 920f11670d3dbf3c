from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, RecipeError, RunError
from polymodal_core.plugins import registry
from polymodal_evaluator import evaluate as evaluating
from polymodal_evaluator.studying import StudyRequest, evaluate_study, outdated
from polymodal_trainer.study.training import StudyRequest as TrainRequest
from polymodal_trainer.study.training import study as train

STUDY = """
[recipe]
embedding.dim = 8
data = {{ store = "{store}", batch_size = 8 }}
training = {{ epochs = 1, device = "cpu", threads = 1 }}
evaluation = {{ resamples = 20, tasks = [{{ kind = "retrieval" }}] }}
[recipe.modalities]
text = {{ vocabulary = 300, length = 24, encoder = {{ width = 16, layers = 1 }} }}
image = {{ size = 16, encoder = {{ kind = "convnet", width = 8 }} }}
[grid]
seed = [0, 1]
[grid.objective]
PCMC = {{ objective = {{ kind = "pcmc" }} }}
PCMR = {{ objective = {{ kind = "pcmr" }} }}
[[tables]]
title = "By loss"
metric = "r@1"
rows = "objective"
columns = [{{ name = "I→T", pairs = [["image", "text"]] }},
           {{ name = "I+T", between = ["image", "text"] }}]
contrast = "PCMC"
reference = {{ PCMC = [67.9, "-"] }}
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    (folder / "toy.toml").write_text(STUDY.format(store=store))
    assert train(TrainRequest(str(folder / "toy.toml"), out=folder / "toy", quiet=True)) == 0
    return folder / "toy"


@pytest.fixture(scope="session")
def reported(trained: Path) -> Path:
    """The same study with its reports; tests may read it, not change it."""
    folder = Path(shutil.copytree(trained, trained.parent / "reported", symlinks=True))
    assert study(folder) == 0
    return folder


@pytest.fixture
def mine(tmp_path: Path, reported: Path) -> Path:
    return Path(shutil.copytree(reported, tmp_path / "mine", symlinks=True))


def study(folder: Path, *settings: str, **more: Any) -> int:
    return evaluate_study(
        StudyRequest(folder, settings, **{"resamples": 20, "quiet": True, **more})
    )


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that are evaluated, by name."""
    names: list[str] = []
    real = evaluating.evaluate

    def evaluate(request: evaluating.Request) -> Path:
        names.append(request.folder.name)
        return real(request)

    monkeypatch.setattr(evaluating, "evaluate", evaluate)
    return names


def test_missing_reports_are_made_and_the_tables_written(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluated: list[str]
) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "toy", symlinks=True))
    assert study(folder, quiet=False) == 0
    assert evaluated == ["pcmc-seed0", "pcmr-seed0", "pcmc-seed1", "pcmr-seed1"]
    said = capsys.readouterr().out
    for text in (
        "run 1 of 4: pcmc-seed0: no report", "By loss (R@1, in %)", "67.9",
        "paper: printed in the paper", "less PCMC, query by query (in points)",
        f"study: {folder / 'study.html'}  (with study.json)",
    ):  # fmt: skip
        assert text in said, text
    content = json.loads((folder / "study.json").read_text())
    reports = [
        json.loads((folder / f"pcmc-seed{seed}" / "report.json").read_text()) for seed in (0, 1)
    ]
    values = [
        item["estimates"]["r@1"]["value"]
        for report in reports
        for item in report["tasks"][0]["measurements"]
        if item["query"] == "image"
    ]
    found = content["tables"][0]["rows"][0]["cells"][0]
    assert found["value"] == pytest.approx(sum(values) / 2)
    assert list(found["runs"].values()) == pytest.approx(values)
    assert study(folder) == 0
    assert len(evaluated) == 4  # nothing was evaluated twice
    assert capsys.readouterr().out == f"study: {folder / 'study.html'}  (with study.json)\n"


def test_a_report_older_than_its_checkpoint_is_made_anew(mine: Path, evaluated: list[str]) -> None:
    later = (mine / "pcmr-seed1" / "report.json").stat().st_mtime + 10
    best = (mine / "pcmr-seed1" / "checkpoints" / "best").resolve()
    os.utime(best / "state.json", (later, later))
    (mine / "pcmc-seed0" / "queries.parquet").unlink()
    (mine / "pcmc-seed1" / "report.json").write_text("{")
    assert study(mine) == 0
    assert evaluated == ["pcmc-seed0", "pcmc-seed1", "pcmr-seed1"]


def test_another_evaluation_makes_reports_anew(mine: Path, evaluated: list[str]) -> None:
    assert study(mine, "evaluation.split=validation") == 0
    assert len(evaluated) == 4
    assert study(mine, "evaluation.split=validation") == 0
    assert study(mine, "evaluation.split=validation", "evaluation.workers=0") == 0
    assert len(evaluated) == 4
    content = json.loads((mine / "pcmc-seed0" / "report.json").read_text())
    assert content["evaluation"]["split"] == "validation"
    text = (mine / "study.toml").read_text()
    (mine / "study.toml").write_text(text.replace("resamples = 20", "resamples = 30"))
    assert study(mine) == 0  # back to the study's own split, and with its new setting
    assert len(evaluated) == 8
    content = json.loads((mine / "pcmc-seed0" / "report.json").read_text())
    assert content["evaluation"]["split"] == "test"
    assert content["evaluation"]["resamples"] == 30


def test_tables_may_be_edited_in_the_folder(mine: Path, evaluated: list[str]) -> None:
    text = (mine / "study.toml").read_text()
    (mine / "study.toml").write_text(text.replace("By loss", "Anew"))
    assert study(mine, out=mine / "elsewhere") == 0
    assert json.loads((mine / "elsewhere" / "study.json").read_text())["tables"][0]["title"] == (
        "Anew"
    )
    assert evaluated == []
    (mine / "study.toml").write_text(text.replace('"r@1"', '"r@0"'))
    with pytest.raises(RecipeError, match="no metric 'r@0'"):
        study(mine)


def test_unfinished_runs_are_left_out_and_named(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(mine / "pcmr-seed0")
    state = max((mine / "pcmr-seed1" / "checkpoints").glob("step-*")) / "state.json"
    content = json.loads(state.read_text())
    state.write_text(json.dumps({**content, "finished": None}))
    assert study(mine, quiet=False) == 0
    said = capsys.readouterr().out
    assert "without a report, not trained: pcmr-seed0" in said
    assert "without a report, unfinished: epoch " in said
    assert "2 of 4 runs are in the tables" in said
    assert f"train the others with `polymodal-train study {mine}`" in said
    cell = json.loads((mine / "study.json").read_text())["tables"][0]["rows"][1]["cells"][0]
    assert cell["value"] is None
    assert cell["reason"].startswith("pcmr-seed0, pcmr-seed1: not trained; unfinished")


def test_a_run_that_cannot_be_evaluated_is_told_and_the_others_shown(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = (mine / "pcmr-seed0" / "checkpoints" / "best").resolve()
    for path in best.glob("*.safetensors"):
        path.write_bytes(b"no weights")
    (mine / "pcmr-seed0" / "report.json").unlink()
    assert study(mine) == 2
    assert "warning: pcmr-seed0: " in capsys.readouterr().out
    assert (mine / "study.html").is_file()


def test_what_is_no_study_is_said(mine: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no study here \(study\.toml is missing\)$"):
        study(tmp_path)
    with pytest.raises(RunError, match=r"it is a run: `polymodal-evaluate run "):
        study(mine / "pcmc-seed0")
    with pytest.raises(PolymodalError, match=r"--set training\.epochs=3: an evaluation changes"):
        study(mine, "training.epochs=3")
    for name in ("pcmc-seed0", "pcmr-seed0", "pcmc-seed1", "pcmr-seed1"):
        shutil.rmtree(mine / name)
    with pytest.raises(PolymodalError, match=r"no run to report on \(not trained\); train the st"):
        study(mine)


def test_a_current_report_is_left_alone(reported: Path) -> None:
    recipe = json.loads((reported / "pcmc-seed0" / "report.json").read_text())["recipe"]
    assert outdated(reported / "pcmc-seed0", recipe["evaluation"]) == ""
    other = {**recipe["evaluation"], "seed": 3}
    assert outdated(reported / "pcmc-seed0", other) == "the report is of another evaluation"
    assert registry().names("task")


def test_the_command_line(mine: Path) -> None:
    program = Path(sys.executable).with_name("polymodal-evaluate")
    done = subprocess.run(
        [program, "study", str(mine), "--resamples", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "By loss (R@1, in %)" in done.stdout
    done = subprocess.run(
        [program, "study", str(mine.parent)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
