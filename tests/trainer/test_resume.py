"""A run that is killed and resumed equals one that was not, bit for bit."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store
from polymodal_trainer.run import run

from tests.trainer.conftest import Vectors, assert_same_run, lines, make_store
from tests.trainer.forks import finish, fork_run, steps_logged, wait_until

UNBROKEN = Path("unbroken")
BROKEN = Path("broken")


def train(recipe: Path | str, *settings: str, out: Path | None = None, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def test_kill_9_at_random_moments(recipe: Path) -> None:
    train(recipe, out=UNBROKEN)
    total = steps_logged(UNBROKEN)
    rng = random.Random(0)
    for aim in (-1, 0, 3, 7, 12, 13, 18, total - 1):
        # Each kill comes a moment after so many steps, or (-1) before there is a run at all.
        child = fork_run(recipe, BROKEN, resume=(BROKEN / "recipe.toml").is_file())
        wait_until(lambda aim=aim: steps_logged(BROKEN) >= aim, child)  # type: ignore[misc]
        time.sleep(rng.uniform(0, 0.03))
        assert child.exitcode is None
        child.kill()
        child.join()
    assert train(recipe, out=BROKEN, resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)
    assert not list(Path("broken/checkpoints").glob(".*"))


def test_kill_9_with_a_loader_process(recipe: Path) -> None:
    train(recipe, out=UNBROKEN)
    child = fork_run(recipe, BROKEN, "data.workers=1")
    wait_until(lambda: steps_logged(BROKEN) >= 5, child)
    child.kill()
    child.join()
    # At once, while the orphaned loader process may still live; and with another number of them.
    assert train(BROKEN, "data.workers=0", resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_finishes_the_step_and_writes_a_checkpoint(
    recipe: Path, number: signal.Signals
) -> None:
    settings = ("training.checkpoint_every=1000", "training.epochs=8")
    train(recipe, *settings, out=UNBROKEN)
    child = fork_run(recipe, BROKEN, *settings)
    wait_until(lambda: steps_logged(BROKEN) >= 3, child)
    assert child.pid is not None
    os.kill(child.pid, number)
    assert finish(child) == 130
    stopped = RunFolder(BROKEN).steps()[-1]
    logged = steps_logged(BROKEN)
    assert stopped.name == f"step-{logged:08d}"  # not one step is lost
    assert logged < steps_logged(UNBROKEN)
    assert train(BROKEN, resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)


def test_ctrl_c_reaches_loader_processes_too(recipe: Path) -> None:
    settings = ("data.workers=1",)
    child = fork_run(recipe, BROKEN, *settings)
    wait_until(lambda: steps_logged(BROKEN) >= 3, child)
    assert child.pid is not None
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the whole process group
    assert finish(child) == 130
    train(recipe, out=UNBROKEN)
    assert train(BROKEN, "data.workers=0", resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)


def test_pictures_text_and_depth_are_resumed_with_their_augmentation(tmp_path: Path) -> None:
    importer = (
        registry()
        .importer("rooms")
        .model_validate(
            {"train": 24, "validation": 8, "test": 0, "heldout": 0, "size": 16, "missing": 0.3}
        )
    )
    pack(importer.build(), tmp_path / "rooms", registry=registry(), workers=1)
    settings = (
        "data.store=rooms", "data.batch_size=12", "modalities.image.size=16",
        "modalities.depth.size=16", "modalities.image.encoder.width=4",
        "modalities.depth.encoder.width=4", "modalities.text.encoder.width=16", "embedding.dim=8",
        "training.epochs=2", "training.threads=1", "training.checkpoint_every=1",
        "training.device=cpu", "modalities.text.vocabulary=300",
    )  # fmt: skip
    run("rooms", settings=settings, out=UNBROKEN, resume=False, quiet=True)
    child = fork_run(Path("rooms"), BROKEN, *settings)
    wait_until(lambda: steps_logged(BROKEN) >= 3, child)
    child.kill()
    child.join()
    assert train(BROKEN, resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)


@pytest.fixture
def interrupted(recipe: Path) -> Path:
    """A run stopped in the middle."""
    child = fork_run(recipe, BROKEN, "training.epochs=8")
    wait_until(lambda: steps_logged(BROKEN) >= 5, child)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGINT)
    assert finish(child) == 130
    return BROKEN


def test_changed_recipe_is_refused_by_key(interrupted: Path, recipe: Path) -> None:
    before = (interrupted / "metrics.jsonl").read_bytes()
    with pytest.raises(RunError) as caught:
        train(recipe, "training.epochs=60", "data.batch_size=8", out=interrupted, resume=True)
    message = str(caught.value)
    assert "  training.epochs: 8 in the run, 60 now" in message
    assert "  data.batch_size: 16 in the run, 8 now" in message
    assert "polymodal-train run broken --resume" in message
    assert (interrupted / "metrics.jsonl").read_bytes() == before


def test_other_contents_of_the_store_are_refused(interrupted: Path, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other", Vectors())
    with pytest.raises(RunError, match=r"other has other contents than when broken began.*--set"):
        train(interrupted, f"data.store={other}", resume=True)


def test_moved_store_is_taken_and_written_down(
    interrupted: Path, store: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    moved.symlink_to(store)
    child = fork_run(interrupted, interrupted, f"data.store={moved}", resume=True)
    logged = steps_logged(interrupted)
    wait_until(lambda: steps_logged(interrupted) > logged, child)
    child.kill()
    child.join()
    assert f'store = "{moved.resolve()}"' in (interrupted / "recipe.toml").read_text()
    recorded = json.loads((interrupted / "environment.json").read_text())
    assert len(recorded["resumed"]) == 1


def test_second_trainer_is_refused_by_pid(recipe: Path) -> None:
    child = fork_run(recipe, BROKEN, "training.epochs=200")
    wait_until(lambda: steps_logged(BROKEN) >= 1, child)
    try:
        for resume in (True, False):
            with pytest.raises(RunError, match=rf"process {child.pid}\) is training in this run"):
                train(recipe, "training.epochs=200", out=BROKEN, resume=resume)
        assert child.is_alive()
    finally:
        child.kill()
        child.join()


def _edit_state(folder: Path, **changes: Any) -> None:
    path = RunFolder(folder).steps()[-1] / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, **changes}))


def test_other_versions_and_threads_are_told(
    interrupted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = json.loads((RunFolder(interrupted).steps()[-1] / "state.json").read_text())
    _edit_state(interrupted, plugins={**state["plugins"], "polymodal-losses": "0.0.9", "acme": "1"})
    environment = json.loads((interrupted / "environment.json").read_text())
    environment["machine"]["threads"] = 64
    (interrupted / "environment.json").write_text(json.dumps(environment))
    capsys.readouterr()
    assert train(interrupted, resume=True) == 0
    said = capsys.readouterr().out
    assert "begun with other versions: acme 1 -> absent, polymodal-losses 0.0.9 -> " in said
    assert "begun with 64 threads, now there are 1" in said
    assert "--set training.threads=64" in said


def test_weights_that_do_not_fit_are_refused(interrupted: Path) -> None:
    from safetensors.torch import load_file, save_file

    latest = RunFolder(interrupted).steps()[-1]
    tensors = load_file(latest / "tensors.safetensors")
    name = next(name for name in sorted(tensors) if name.startswith("model/encoders.left"))
    del tensors[name]
    save_file(tensors, latest / "tensors.safetensors")
    with pytest.raises(CheckpointError, match=r"does not fit this model.*missing encoders\.left"):
        train(interrupted, resume=True)


def test_damaged_checkpoint_is_named_and_the_one_before_can_be_used(interrupted: Path) -> None:
    latest = RunFolder(interrupted).steps()[-1]
    weights = latest / "tensors.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=rf"{latest.name}: damaged checkpoint.*delete it"):
        train(interrupted, resume=True)
    (latest / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match=rf"{latest.name}: damaged checkpoint.*delete it"):
        train(interrupted, resume=True)


def test_checkpoint_of_another_trainer_is_told(interrupted: Path) -> None:
    latest = RunFolder(interrupted).steps()[-1]
    state = json.loads((latest / "state.json").read_text())
    state["tallies"] = state.pop("tally")
    (latest / "state.json").write_text(json.dumps(state))
    with pytest.raises(
        CheckpointError, match=r"another version of polymodal-trainer: 'tally' is missing; delete"
    ):
        train(interrupted, resume=True)


def test_value_that_is_damaged_later_is_named(
    interrupted: Path, store: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(store, damaged)
    opened = Store(store)
    train_rows = opened.rows_of("train")
    data = bytearray((damaged / "data.mdb").read_bytes())
    for item in set(opened.table.items["left"][train_rows].tolist()) - {-1}:
        at = data.find(opened.read("left", [item])[0])
        data[at] ^= 1
    (damaged / "data.mdb").write_bytes(data)
    with pytest.raises(
        RunError,
        match=r"stopped after step \d+ .*damaged: item \d+ of column 'left'.*"
        r"Last good checkpoint: broken/checkpoints/step-",
    ):
        train(interrupted, f"data.store={damaged}", resume=True)


def test_log_lines_are_never_doubled(recipe: Path) -> None:
    child = fork_run(recipe, BROKEN, "training.checkpoint_every=4", "training.epochs=6")
    wait_until(lambda: steps_logged(BROKEN) >= 7, child)
    child.kill()
    child.join()
    train(BROKEN, resume=True)
    numbers = [line["step"] for line in lines(BROKEN, "step")]
    assert numbers == list(range(1, len(numbers) + 1))
