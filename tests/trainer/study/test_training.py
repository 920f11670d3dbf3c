from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import RecipeError, RunError
from polymodal_core.run import RunFolder
from polymodal_trainer import launch
from polymodal_trainer.run import run
from polymodal_trainer.study.training import StudyRequest, study

from tests.trainer.conftest import assert_same_run

NAMES = ["pcmc-l-m-seed0", "pcmc-all-seed0", "pcmr-l-m-seed0", "pcmr-all-seed0"]
OUT = Path("runs/mine")


def train(path: Path | str, *settings: str, **more: Any) -> int:
    return study(StudyRequest(str(path), settings, **{"quiet": True, **more}))


def steps() -> dict[str, list[str]]:
    return {name: [step.name for step in RunFolder(OUT / name).steps()] for name in NAMES}


def test_every_run_of_the_grid_is_trained_once(
    study_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(study_file, quiet=False) == 0
    said = capsys.readouterr().out
    for number, name in enumerate(NAMES, start=1):
        assert f"run {number} of 4: {name}: starting" in said
        assert (OUT / name / "checkpoints" / "best").is_dir()
    assert "runs/mine: 4 of 4 runs finished, 4 of them now" in said
    assert "evaluate it with `polymodal-evaluate study runs/mine`" in said
    before = {path: path.stat().st_mtime_ns for path in OUT.glob("*/metrics.jsonl")}
    assert train(OUT, quiet=False) == 0
    assert "4 of 4 runs finished, 0 of them now" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in OUT.glob("*/metrics.jsonl")} == before
    assert train(study_file, "grid.seed=[1]") == 0
    assert len(list(OUT.glob("*/recipe.toml"))) == 8


def test_a_run_of_a_study_is_the_run_of_its_recipe(study_file: Path) -> None:
    train(study_file)
    recipe = OUT / NAMES[3] / "recipe.toml"
    shutil.copy(recipe, "alone.toml")
    run("alone.toml", settings=(), out=Path("alone"), resume=False, quiet=True)
    assert_same_run(OUT / NAMES[3], Path("alone"))


def test_listing_trains_nothing(study_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(study_file, listing=True) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "pcmc-l-m-seed0  missing  seed = 0; objective = PCMC; columns = L+M"
    assert said[-1] == "0 of 4 runs finished, in runs/mine"
    assert not OUT.exists()


def test_a_failing_run_does_not_stop_the_others(
    study_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Only a store tells that a batch is too large.
    text = study_file.read_text().replace(
        "PCMR = {", "wide = { data = { batch_size = 500 } }\nPCMR = {"
    )
    study_file.write_text(text)
    assert train(study_file) == 2
    output = capsys.readouterr()
    assert "error: wide-l-m-seed0: data.batch_size = 500 is more than the 40 training rows" in (
        output.err
    )
    assert "failed: wide-all-seed0: " in output.err
    assert "`polymodal-train study runs/mine` tries what failed again" in output.err
    assert "4 of 6 runs finished" in output.out


def test_an_unexpected_error_costs_its_run_alone(
    study_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = launch.start

    def start(request: Any, **more: Any) -> int:
        if request.out.name == NAMES[1]:
            raise RuntimeError("out of memory")
        return real(request, **more)

    monkeypatch.setattr(launch, "start", start)
    assert train(study_file) == 2
    output = capsys.readouterr()
    assert f"failed: {NAMES[1]}: RuntimeError: out of memory" in output.err
    assert "3 of 4 runs finished" in output.out


def test_interrupted_it_says_how_to_go_on_and_does(
    study_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = launch.start
    started = []

    def start(request: Any, **more: Any) -> int:
        started.append(request.out.name)
        if len(started) == 2:
            _interrupt_in_training(monkeypatch)
        return real(request, **more)

    monkeypatch.setattr(launch, "start", start)
    assert train(study_file) == 130
    said = capsys.readouterr().out
    assert "interrupted in run 2 of 4; go on with `polymodal-train study runs/mine`" in said
    assert started == NAMES[:2]
    assert steps()[NAMES[1]]
    assert not steps()[NAMES[2]]
    assert train(study_file, listing=True) == 0
    assert "unfinished: epoch 1, step " in capsys.readouterr().out
    monkeypatch.undo()
    os.chdir(study_file.parent)
    assert train(OUT, quiet=False) == 0
    assert f"run 2 of 4: {NAMES[1]}: going on" in capsys.readouterr().out
    ends = {found[-1] for found in steps().values()}
    assert len(ends) == 1


def _interrupt_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    from polymodal_trainer import loop

    real = loop.Trainer.train

    def trainer(self: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return real(self)

    monkeypatch.setattr(loop.Trainer, "train", trainer)


def test_ctrl_c_between_steps_of_training_too(
    study_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(request: Any, **more: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "start", start)
    assert train(study_file) == 130
    assert "go on with `polymodal-train study runs/mine`" in capsys.readouterr().out


HOLD = """
import sys
from pathlib import Path
from polymodal_trainer.lock import RunLock
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
lock = RunLock(folder)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("where", [f".claims/{NAMES[1]}", NAMES[1]])
def test_a_run_of_another_process_is_skipped(
    study_file: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(study_file, 'grid.columns={"L+M"={columns=["left","middle"]}, '
                 'all={columns=["left","middle","right"]}}', "training.epochs=1") == 0  # fmt: skip
    shutil.rmtree(OUT / NAMES[1])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(OUT / where)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    holder.stdout.readline()
    try:
        capsys.readouterr()
        assert train(OUT, quiet=False) == 0
        said = capsys.readouterr().out
        assert f"run 2 of 4: {NAMES[1]}: skipped, another polymodal-train is at it" in said
        assert "3 of 4 runs finished, 0 of them now; 1 run left to another process" in said
        train(OUT, listing=True)
        assert "missing, in training" in capsys.readouterr().out
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
    if where.startswith("."):
        assert train(OUT) == 0
        assert len(list(OUT.glob("*/recipe.toml"))) == 4


def test_a_damaged_run_is_listed_and_fails_alone(
    study_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(study_file)
    (RunFolder(OUT / NAMES[0]).steps()[-1] / "state.json").write_text("{")
    capsys.readouterr()
    assert train(OUT, listing=True) == 0
    assert "damaged: runs/mine/pcmc-l-m-seed0/checkpoints/" in capsys.readouterr().out
    assert train(OUT) == 2
    assert "3 of 4 runs finished" in capsys.readouterr().out


def test_nothing_is_begun_where_anything_is_wrong(study_file: Path) -> None:
    OUT.mkdir(parents=True)
    (OUT / "notes").touch()
    with pytest.raises(RunError, match="exists and is not empty"):
        train(study_file)
    with pytest.raises(RecipeError, match="2 problems"):
        train(study_file, "training.epoch=1", "grid.objective.PCMR.objective.roh=1")
    assert [path.name for path in OUT.iterdir()] == ["notes"]
