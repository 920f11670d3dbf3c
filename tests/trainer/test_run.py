"""`run`: a whole run in this process."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, RecipeError, RunError
from polymodal_core.plugins import registry
from polymodal_core.run import load_trained, open_run
from polymodal_trainer.run import run

from tests.trainer.conftest import Vectors, assert_same_run, make_store, write_recipe


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
