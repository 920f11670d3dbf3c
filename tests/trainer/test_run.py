"""`run`: a whole run in this process."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, RecipeError, RunError
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder, load_trained, open_run
from polymodal_trainer.run import run

from tests.trainer.conftest import Vectors, assert_same_run, lines, make_store, write_recipe


def train(recipe: Path | str, *settings: str, out: Path | None = None, **more: Any) -> int:
    options = {"resume": False, "quiet": True, **more}
    return run(str(recipe), settings=settings, out=out, **options)


def test_a_run_leaves_everything_that_an_evaluation_needs(
    recipe: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(recipe, quiet=False) == 0
    folder = open_run(Path("runs/tiny"))
    assert sorted(item.name for item in folder.path.iterdir()) == [
        "checkpoints", "environment.json", "lock", "metrics.jsonl", "modalities", "recipe.toml",
        "tensorboard",
    ]  # fmt: skip
    written = tomllib.loads(folder.recipe.read_text())
    assert written["training"]["lr_heads"] == 1e-3  # resolved: defaults are spelt out
    assert Path(written["data"]["store"]) == store
    trained = load_trained(folder, registry=registry(), sections={})
    assert trained.model.columns == ["left", "middle", "right"]
    assert {path.stem for path in folder.modalities.iterdir()} == {"left", "middle"}
    state = trained.checkpoint.state
    assert state["modalities"].keys() == {"left", "middle"}
    assert state["plugins"]["polymodal-losses"] == "0.1.0"
    assert json.loads(folder.environment.read_text())["store"]["fingerprint"] == state["store"]
    said = capsys.readouterr().out
    assert "epoch 4/4" in said
    assert f"polymodal-evaluate run {folder.path}" in said
    assert "= middle" in said  # the table of columns says whose encoder is shared


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
    importer = Vectors({"train": 600, "validation": 60}, missing=0.4)
    store = make_store(tmp_path / "store", importer)
    recipe = write_recipe(tmp_path / "tiny.toml", store, changes={"= 16\n[e": "= 64\n[e"})
    train(recipe, "training.epochs=25", "training.lr_heads=5e-3", "training.lr_backbones=5e-3")
    validations = lines(Path("runs/tiny"), "validation")
    assert validations[0]["mean"] < 0.15
    assert validations[-1]["mean"] > 0.5


def test_same_recipe_gives_the_same_run_bit_for_bit(recipe: Path) -> None:
    train(recipe, out=Path("first"))
    train(recipe, out=Path("second"))
    assert_same_run(Path("first"), Path("second"))


def test_another_seed_gives_another_run(recipe: Path) -> None:
    train(recipe, out=Path("first"))
    train(recipe, "seed=4", out=Path("second"))
    with pytest.raises(AssertionError):
        assert_same_run(Path("first"), Path("second"))


def test_loader_processes_do_not_change_a_bit(recipe: Path) -> None:
    train(recipe, out=Path("first"))
    train(recipe, "data.workers=1", "training.epochs=4", out=Path("second"))
    assert_same_run(Path("first"), Path("second"))


@pytest.mark.parametrize("precision", ["bf16"])
def test_autocast_trains_on_a_cpu(recipe: Path, precision: str) -> None:
    train(recipe, f"training.precision={precision}")
    assert (
        lines(Path("runs/tiny"), "epoch")[-1]["loss"] < lines(Path("runs/tiny"), "epoch")[0]["loss"]
    )


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


def test_run_folder_is_never_overwritten(recipe: Path) -> None:
    train(recipe, "training.epochs=1")
    before = Path("runs/tiny/metrics.jsonl").read_bytes()
    with pytest.raises(RunError, match=r"runs/tiny holds a run already.*--resume.*another --out"):
        train(recipe, "training.epochs=1")
    assert Path("runs/tiny/metrics.jsonl").read_bytes() == before


def test_folder_with_other_files_is_refused_and_an_empty_one_taken(recipe: Path) -> None:
    out = Path("mine")
    out.mkdir()
    (out / "notes.txt").write_text("keep me")
    with pytest.raises(RunError, match=r"mine exists and is not empty"):
        train(recipe, out=out)
    assert [item.name for item in out.iterdir()] == ["notes.txt"]
    (out / "notes.txt").unlink()
    assert train(recipe, "training.epochs=1", out=out) == 0


def test_file_in_place_of_the_folder(recipe: Path) -> None:
    Path("out").write_text("")
    with pytest.raises(RunError, match="out is a file"):
        train(recipe, out=Path("out"))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (["training.epoch=3"], RecipeError, r"training\.epoch: .*did you mean 'epochs'"),
        (["seed=-1"], RecipeError, r"seed: must be a whole number.*given -1"),
        (["seed=true"], RecipeError, r"seed: must be a whole number.*given True"),
        (["data.store=nowhere"], PolymodalError, r"nowhere: no store here"),
        (["data.batch_size=500"], RunError, r"500 is more than the \d+ training rows.*or less"),
        (["data.train=trian"], PolymodalError, r"no split 'trian'; did you mean 'train'\?"),
        (["data.validation=val"], PolymodalError, r"no split 'val'.*train \(\d+\), validation"),
        (["training.device=cuda:7"], RunError, r"cuda:7.*choose \"auto\" or \"cpu\""),
        (
            ["modalities.rihgt.kind=attributes"],
            RecipeError,
            r"modalities\.rihgt: the store .* has no column 'rihgt'; did you mean 'right'\?",
        ),
        (
            ['modalities.left={kind="text"}'],
            RecipeError,
            r"modalities\.left\.kind: the store .* holds 'left' as attributes, the recipe says text",  # noqa: E501
        ),
        (['objective.pairs=[["left", "rigth"]]'], RecipeError, r"unknown column 'rigth'.*'right'"),
        (["training.precision=fp16"], RecipeError, r'needs a GPU; on a CPU choose "bf16"'),
        (["embedding.dim=6", "embedding.head.kind=identity"], PolymodalError, "as wide as"),
    ],
)
def test_failed_start_says_why_and_leaves_nothing(
    recipe: Path, tmp_path: Path, settings: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        train(recipe, *settings)
    assert {item.name for item in tmp_path.iterdir()} <= {"tiny.toml", "runs"}
    assert not Path("runs").exists()


def test_missing_store_key_says_how_to_give_it(tmp_path: Path) -> None:
    recipe = tmp_path / "bare.toml"
    recipe.write_text('[modalities.left]\nkind = "attributes"\n[objective]\nkind = "pcmc"\n')
    with pytest.raises(RecipeError, match=r"data\.store: .*pass --set data\.store=VALUE"):
        train(recipe)


def test_column_that_no_training_row_has(tmp_path: Path) -> None:
    importer = Vectors(only={"train": frozenset({"left", "middle"})})
    recipe = write_recipe(tmp_path / "tiny.toml", make_store(tmp_path / "store", importer))
    with pytest.raises(
        RecipeError,
        match=r"modalities\.right: none of the 100 rows of split 'train' has it.*left \(50\)",
    ):
        train(recipe)
    assert not Path("runs").exists()


def test_rows_that_never_hold_two_columns_are_refused(tmp_path: Path) -> None:
    importer = Vectors(only={"train": frozenset({"left", "middle", "right"})})
    recipe = write_recipe(tmp_path / "tiny.toml", make_store(tmp_path / "store", importer))
    with pytest.raises(
        RunError, match=r"no training row has both columns of any pair \(left-middle"
    ):
        train(recipe)
    assert not Path("runs").exists()


def test_unknown_run_to_resume(recipe: Path) -> None:
    with pytest.raises(RunError, match=r"runs/tiny: no run here"):
        train(recipe, resume=True)


def test_run_folder_as_recipe_needs_resume(recipe: Path) -> None:
    train(recipe, "training.epochs=1")
    with pytest.raises(RunError, match=r"runs/tiny is a run; continue it with --resume"):
        train("runs/tiny")


def test_finished_run_says_so(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(recipe, "training.epochs=1")
    before = Path("runs/tiny/metrics.jsonl").read_bytes()
    capsys.readouterr()
    assert train("runs/tiny", resume=True) == 0
    assert "runs/tiny is finished: all 1 epochs are done" in capsys.readouterr().out
    assert Path("runs/tiny/metrics.jsonl").read_bytes() == before
