"""The checkpoints of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from polymodal_core import checkpoint as core_checkpoint
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder
from polymodal_trainer import checkpointing
from polymodal_trainer.checkpointing import Checkpoints
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.start import Setup, build
from polymodal_trainer.state import Best, TrainingState


@pytest.fixture
def setup(recipe: Path) -> Setup:
    resolved = read_recipe(recipe, ["training.keep=2"], registry=registry())
    return build(resolved, registry=registry(), source=str(recipe))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    return folder


def names(run: RunFolder) -> set[str]:
    return {path.name for path in run.checkpoints.iterdir()}


def test_newest_and_best_are_kept(run: RunFolder, setup: Setup) -> None:
    checkpoints = Checkpoints(run, setup)
    best = Best(0.5, 1, 20)
    for step in (10, 20, 30, 40, 50):
        checkpoints.save(
            TrainingState(step=step, best=best if step >= 20 else None), metrics_size=0
        )
    assert names(run) == {"best", "step-00000020", "step-00000040", "step-00000050"}
    assert os.readlink(run.checkpoints / "best") == "step-00000020"
    assert run.checkpoint() == run.checkpoints / "best"
    assert checkpoints.latest == run.checkpoints / "step-00000050"


def test_state_and_weights_come_back(run: RunFolder, setup: Setup) -> None:
    state = TrainingState(step=7, epoch=1, batch=2, best=Best(0.25, 1, 7))
    Checkpoints(run, setup).save(state, metrics_size=123)
    saved = {name: value.clone() for name, value in setup.model.state_dict().items()}
    with torch.no_grad():
        for parameter in setup.model.parameters():
            parameter.zero_()
    restored, size = Checkpoints(run, setup).restore()
    assert (restored, size) == (state, 123)
    for name, value in setup.model.state_dict().items():
        assert torch.equal(value, saved[name])


def test_nothing_to_resume_from(run: RunFolder, setup: Setup) -> None:
    with pytest.raises(CheckpointError, match=r"run: no checkpoint to resume from"):
        Checkpoints(run, setup).restore()


def test_best_that_was_deleted_is_forgotten(run: RunFolder, setup: Setup) -> None:
    Checkpoints(run, setup).save(TrainingState(step=7, best=Best(0.25, 1, 3)), metrics_size=0)
    restored, _ = Checkpoints(run, setup).restore()
    assert restored.best is None


def test_leftovers_of_a_kill_are_cleared_and_a_replaced_one_comes_back(
    run: RunFolder, setup: Setup
) -> None:
    Checkpoints(run, setup).save(TrainingState(step=7), metrics_size=0)
    for leftover in (".step-00000009.partial", ".step-00000001.old"):
        (run.checkpoints / leftover).mkdir()
    (run.checkpoints / "step-00000007").rename(run.checkpoints / ".step-00000007.replaced")
    checkpoints = Checkpoints(run, setup)
    assert names(run) == {"step-00000007"}
    assert checkpoints.restore()[0].step == 7


def test_same_step_is_saved_anew(run: RunFolder, setup: Setup) -> None:
    checkpoints = Checkpoints(run, setup)
    checkpoints.save(TrainingState(step=7, batch=6), metrics_size=0)
    checkpoints.save(TrainingState(step=7, epoch=1), metrics_size=0)
    assert names(run) == {"step-00000007"}
    assert checkpoints.restore()[0].epoch == 1


def test_failure_to_replace_keeps_the_old_one(
    run: RunFolder, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(run, setup)
    checkpoints.save(TrainingState(step=7, batch=6), metrics_size=0)

    def full(path: Path, checkpoint: core_checkpoint.Checkpoint) -> None:
        raise CheckpointError("full")

    monkeypatch.setattr(checkpointing, "save_checkpoint", full)
    with pytest.raises(CheckpointError):
        checkpoints.save(TrainingState(step=7, epoch=1), metrics_size=0)
    assert names(run) == {"step-00000007"}
    assert checkpoints.restore()[0].batch == 6


def test_weights_that_are_not_finite_are_not_saved(run: RunFolder, setup: Setup) -> None:
    checkpoints = Checkpoints(run, setup)
    checkpoints.save(TrainingState(step=7), metrics_size=0)
    with torch.no_grad():
        next(setup.model.heads["right"].parameters()).fill_(float("nan"))
    with pytest.raises(RunError, match=r"of right are not finite any more"):
        checkpoints.save(TrainingState(step=8), metrics_size=0)
    assert names(run) == {"step-00000007"}
