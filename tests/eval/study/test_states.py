from __future__ import annotations

import json
from pathlib import Path

import pytest
from polymodal_core.errors import CheckpointError
from polymodal_eval.study.states import newest_checkpoint, run_state


def run(folder: Path, **state: object) -> Path:
    checkpoint = folder / "checkpoints" / "step-00000012"
    checkpoint.mkdir(parents=True)
    (folder / "recipe.toml").write_text("")
    (checkpoint / "state.json").write_text(json.dumps(state))
    return checkpoint


def test_missing_unfinished_and_finished(tmp_path: Path) -> None:
    assert str(run_state(tmp_path / "no")) == "missing"
    run(tmp_path / "some", step=12, epoch=2, finished=None)
    assert str(run_state(tmp_path / "some")) == "unfinished: epoch 3, step 12"
    run(tmp_path / "all", step=12, epoch=2, finished="all 2 epochs are done")
    assert str(run_state(tmp_path / "all")) == "finished: all 2 epochs are done"


def test_damaged_runs_are_said(tmp_path: Path) -> None:
    checkpoint = run(tmp_path / "one")
    (checkpoint / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged checkpoint"):
        run_state(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "recipe.toml").write_text("")
    with pytest.raises(CheckpointError, match="no checkpoint in this run"):
        run_state(tmp_path / "two")


def test_the_best_checkpoint_is_the_one_evaluated(tmp_path: Path) -> None:
    checkpoint = run(tmp_path)
    assert newest_checkpoint(tmp_path) == checkpoint.resolve()
    (tmp_path / "checkpoints" / "step-00000020").mkdir()
    (tmp_path / "checkpoints" / "best").symlink_to("step-00000012")
    assert newest_checkpoint(tmp_path) == checkpoint.resolve()
