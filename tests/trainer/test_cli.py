"""The command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from polymodal_trainer.catalogue import shipped, shipped_studies

PROGRAM = Path(sys.executable).with_name("polymodal-train")


def call(*arguments: str, code: int = 0) -> str:
    """Run the program; gives standard output, or standard error where it fails."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def modules_after(*arguments: str) -> set[str]:
    """Names of the modules that a command has imported, top packages only."""
    code = (
        "import sys; sys.argv = ['polymodal-train', *sys.argv[1:]]\n"
        "from polymodal_trainer.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert not modules_after(*arguments) & {"pydantic", "torch", "numpy", "rich", "pluggy", "lmdb"}


@pytest.mark.parametrize(
    "arguments", [["run", "--help"], ["study", "--help"], ["recipes"], ["studies"]]
)
def test_help_of_a_command_and_the_list_load_no_plugin(arguments: list[str]) -> None:
    assert not modules_after(*arguments) & {"torch", "numpy", "rich", "pluggy", "lmdb"}


def test_checking_a_recipe_imports_no_torch() -> None:
    assert not modules_after("check", "rooms") & {"torch", "timm", "transformers", "torchvision"}


@pytest.mark.parametrize(("arguments", "seconds"), [(["--help"], 0.2), (["check", "rooms"], 0.6)])
def test_start_is_fast(arguments: list[str], seconds: float) -> None:
    # Processor time of the child, the best of some: the machine may be busy with other things.
    spent = []
    for _ in range(3):
        before = os.times()
        subprocess.run([PROGRAM, *arguments], capture_output=True, check=True)
        after = os.times()
        spent.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
        time.sleep(0.01)
    assert min(spent) < seconds


def test_version() -> None:
    from importlib.metadata import version

    assert call("--version") == f"polymodal-train {version('polymodal-trainer')}\n"


def test_recipes_lists_each_with_its_description() -> None:
    listed = call("recipes").splitlines()
    assert [line.split()[0] for line in listed] == list(shipped())
    rooms = listed[list(shipped()).index("rooms")]
    assert "Five modalities" in rooms


def test_studies_lists_each_with_its_description() -> None:
    listed = call("studies").splitlines()
    assert [line.split()[0] for line in listed] == list(shipped_studies())
    losses = listed[list(shipped_studies()).index("losses")]
    assert "Contrastive against regressive losses on rooms" in losses


def test_a_study_is_listed_and_its_mistakes_told() -> None:
    listed = call("study", "losses", "--list").splitlines()
    assert listed[0].startswith("pcmc-i-t-seed0")
    assert listed[-1] == "0 of 18 runs finished, in runs/losses"
    assert "did you mean 'losses'?" in call("study", "lossse", code=2)
    message = call("study", "losses", "--set", "training.epoch=1", code=2)
    assert "training.epoch: unknown key; did you mean 'epochs'?" in message
    assert "(all 18 runs)" in message
    assert not Path("runs").exists()


def test_check_prints_the_resolved_recipe() -> None:
    table = tomllib.loads(call("check", "rooms", "--set", "training.epochs=3"))
    assert table["training"]["epochs"] == 3
    assert table["training"]["floor"] == 0.01
    assert table["modalities"]["image"]["kind"] == "image"
    assert table["seed"] == 0


def test_check_compares_the_columns_with_those_of_the_store(recipe: Path) -> None:
    assert "[modalities.left]" in call("check", str(recipe))
    message = call("check", str(recipe), "--set", "modalities.lft.kind=attributes", code=2)
    assert message.startswith(f"error: {recipe}: 1 problem\n  modalities.lft: the store ")
    assert "has no column 'lft'; did you mean 'left'? known: left, middle, right" in message
    assert "[modalities.lft]" in call(
        "check", str(recipe), "--set", "modalities.lft.kind=attributes",
        "--set", "data.store=nowhere",
    )  # fmt: skip


def test_check_tells_every_problem_at_once() -> None:
    message = call(
        "check", "rooms", "--set", "training.epoch=3", "--set", "objective.kind=infonse",
        "--set", "modalities.imgae.size=3", code=2,
    )  # fmt: skip
    assert "3 problems" in message
    assert "training.epoch: unknown key; did you mean 'epochs'?" in message
    assert "objective.kind: unknown kind 'infonse'; did you mean 'infonce'?" in message
    assert "modalities.imgae.kind: no modality 'imgae'" in message
    assert "did you mean 'image'?" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "romos"], "did you mean 'rooms'?"),
        (["run", "no/such.toml"], "no such file"),
        (["run", "rooms", "--set", "training"], "is no setting; write --set section.key=value"),
        (["run", "rooms", "--rseume"], "--resume"),
        (["rnu", "rooms"], "Did you mean 'run'?"),
        (["run"], "Missing argument"),
    ],
)
def test_mistakes_get_a_message_and_exit_code_2(arguments: list[str], message: str) -> None:
    assert message in call(*arguments, code=2)


def test_broken_toml_is_told_by_line() -> None:
    Path("mine.toml").write_text("[data]\nstore = \n")
    assert "line 2" in call("check", "mine.toml", code=2)


def test_schema_describes_what_is_installed() -> None:
    schema = json.loads(call("schema"))
    assert schema["properties"]["seed"]["type"] == "integer"
    text = json.dumps(schema)
    for name in ("pcmc", "convnet", "transformer", "checkpoint_every", "batch_size", "resamples"):
        assert f'"{name}"' in text


def test_run_in_a_process_of_its_own(recipe: Path) -> None:
    said = call("run", str(recipe), "--set", "training.epochs=1", "--out", "mine")
    assert "epoch 1/1" in said
    assert "polymodal-evaluate run mine" in said
    environment = json.loads(Path("mine/environment.json").read_text())
    assert environment["command"].endswith("tiny.toml --set training.epochs=1 --out mine")
    again = call("run", str(recipe), "--out", "mine", code=2)
    assert again.startswith("error: mine holds a run already")
