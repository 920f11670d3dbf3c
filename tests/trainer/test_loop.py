"""The training loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from polymodal_core.run import RunFolder
from polymodal_trainer.run import run

from tests.trainer.conftest import Vectors, lines, make_store, write_recipe


def train(recipe: Path, *settings: str) -> int:
    return run(str(recipe), settings=settings, out=None, resume=False, quiet=True)


def test_log_has_every_step_epoch_and_validation(recipe: Path) -> None:
    train(recipe)
    run_folder = Path("runs/tiny")
    steps = lines(run_folder, "step")
    assert [line["step"] for line in steps] == list(range(1, len(steps) + 1))
    per_epoch = len(steps) // 4
    assert [line["epoch"] for line in steps] == [1 + n // per_epoch for n in range(len(steps))]
    first = steps[0]
    assert first.keys() >= {
        "loss", "parts", "anchors", "temperature", "lr_heads", "lr_backbones", "grad_norm",
        "rows_per_s",
    }  # fmt: skip
    assert first["parts"].keys() == {"left-middle", "left-right", "middle-right"}
    assert first["loss"] == pytest.approx(sum(first["parts"].values()), rel=1e-5)
    validations = lines(run_folder, "validation")
    assert [line["step"] for line in validations] == [per_epoch * n for n in range(5)]
    for line in validations:
        assert line["mean"] == pytest.approx(sum(line["metrics"].values()) / 6)
        assert "left->right r@1" in line["metrics"]
    epochs = lines(run_folder, "epoch")
    assert [line["epoch"] for line in epochs] == [1, 2, 3, 4]
    assert epochs[0]["anchors"]["left-right"] == sum(
        line["anchors"]["left-right"] for line in steps[:per_epoch]
    )
    assert epochs[0]["without_anchors"] == []


def test_rows_with_missing_values_train_better_than_chance(tmp_path: Path) -> None:
    importer = Vectors({"train": 300, "validation": 40}, missing=0.4)
    store = make_store(tmp_path / "store", importer)
    recipe = write_recipe(tmp_path / "tiny.toml", store, changes={"= 16\n[e": "= 50\n[e"})
    rates = ("training.lr_heads=2e-2", "training.lr_backbones=2e-2")
    train(recipe, "training.epochs=12", "training.checkpoint_every=epoch", *rates)
    validations = lines(Path("runs/tiny"), "validation")
    assert validations[0]["mean"] < 0.15
    assert validations[-1]["mean"] > 0.4


def test_patience_stops_early_and_keeps_the_best(recipe: Path) -> None:
    # A rate of 0 cannot improve on the first validation.
    train(recipe, "training.lr_heads=0", "training.lr_backbones=0", "training.patience=2")
    validations = lines(Path("runs/tiny"), "validation")
    assert [line["epoch"] for line in validations] == [0, 1, 2, 3]
    folder = RunFolder(Path("runs/tiny"))
    state = json.loads((folder.steps()[-1] / "state.json").read_text())
    assert state["finished"] == "no better validation in 2 epochs"
    assert state["best"]["epoch"] == 1
    assert (folder.checkpoints / "best").resolve().name == f"step-{state['best']['step']:08d}"


def test_validation_comes_every_so_many_epochs_and_at_the_end(recipe: Path) -> None:
    train(recipe, "training.epochs=5", "training.validate_every=3")
    assert [line["epoch"] for line in lines(Path("runs/tiny"), "validation")] == [0, 3, 5]


def test_only_the_newest_checkpoints_and_the_best_are_kept(recipe: Path) -> None:
    train(recipe, "training.checkpoint_every=1", "training.keep=3")
    folder = RunFolder(Path("runs/tiny"))
    last = lines(folder.path, "step")[-1]["step"]
    best = (folder.checkpoints / "best").resolve().name
    expected = {f"step-{last - n:08d}" for n in range(3)} | {best}
    assert {path.name for path in folder.steps()} == expected


def test_autocast_trains_on_a_cpu(recipe: Path) -> None:
    train(recipe, "training.precision=bf16")
    assert (
        lines(Path("runs/tiny"), "epoch")[-1]["loss"] < lines(Path("runs/tiny"), "epoch")[0]["loss"]
    )
