"""A disk that fills up."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.run import RunFolder
from polymodal_trainer.run import run

from tests.trainer.conftest import assert_same_run
from tests.trainer.forks import finish, fork_run, steps_logged, wait_until

OUT = Path("out")


@pytest.fixture
def interrupted(recipe: Path) -> Path:
    child = fork_run(recipe, OUT)
    wait_until(lambda: steps_logged(OUT) >= 5, child)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGINT)
    assert finish(child) == 130
    return OUT


def test_checkpoint_that_cannot_be_written_harms_no_older_one(
    interrupted: Path, recipe: Path, tmp_path: Path
) -> None:
    checkpoints = RunFolder(interrupted).steps()
    size = (checkpoints[-1] / "tensors.safetensors").stat().st_size
    said = tmp_path / "said"
    child = fork_run(interrupted, interrupted, resume=True, file_limit=size // 2, said=said)
    assert finish(child) == 2
    message = said.read_text()
    assert "stopped after step" in message
    assert "could not write the checkpoint" in message
    assert f"Last good checkpoint: {checkpoints[-1]}" in message
    assert "polymodal-train run out --resume" in message
    assert RunFolder(interrupted).steps() == checkpoints
    for checkpoint in checkpoints:
        load_checkpoint(checkpoint)
    # With room again the run ends as if nothing had been.
    assert run(str(interrupted), settings=(), out=None, resume=True, quiet=True) == 0
    run(str(recipe), settings=(), out=Path("unbroken"), resume=False, quiet=True)
    assert_same_run(Path("unbroken"), interrupted)


def test_log_that_cannot_be_written_ends_the_run_with_words(
    interrupted: Path, tmp_path: Path
) -> None:
    limit = (interrupted / "metrics.jsonl").stat().st_size + 100
    said = tmp_path / "said"
    child = fork_run(interrupted, interrupted, resume=True, file_limit=limit, said=said)
    assert finish(child) == 2
    assert "Last good checkpoint: out/checkpoints/step-" in said.read_text()
    assert run(str(interrupted), settings=(), out=None, resume=True, quiet=True) == 0


def test_full_disk_at_the_start_leaves_no_run_folder(recipe: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    assert finish(fork_run(recipe, OUT, file_limit=2000, said=said)) == 2
    message = said.read_text()
    assert "out: could not write the run folder: out/checkpoints/step-00000000" in message
    assert "make room, then give the same command again" in message
    assert {item.name for item in tmp_path.iterdir()} == {"tiny.toml", "said"}
