from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from polymodal_evaluator.cli import app
from typer.testing import CliRunner

from tests.evaluator.conftest import make_store


def command(*arguments: str | Path) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, [str(item) for item in arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.stdout, found.stderr


def damage_tensors(run: Path) -> None:
    path = run / "checkpoints" / "best" / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def damage_state(run: Path) -> None:
    (run / "checkpoints" / "best" / "state.json").write_text("{")


def lose_checkpoints(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")


def change_recipe(old: str, new: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        path = run / "recipe.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def damage_environment(run: Path) -> None:
    (run / "environment.json").write_text("{")


def nothing(run: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("damage", "arguments", "messages"),
    [
        (shutil.rmtree, [], ["no run here (recipe.toml is missing)"]),
        (lose_checkpoints, [], ["no checkpoint; found: none"]),
        (nothing, ["--checkpoint", "bset"], ["no checkpoint 'bset'", "best", "step-00000006"]),
        (damage_tensors, [], ["damaged checkpoint"]),
        (damage_state, [], ["damaged checkpoint"]),
        (damage_environment, [], ["environment.json is damaged"]),
        (
            change_recipe("width = 8", "width = 12"),
            [],
            ["does not fit this model", "other versions of the plug-ins"],
        ),
        (
            change_recipe('kind = "convnet"', 'kind = "radarnet"'),
            [],
            ["modalities.image.encoder.kind", "no encoder 'radarnet' of kind 'image' is installed"],
        ),
        (nothing, ["--set", "evaluation.split=tset"], ["no split 'tset'", "did you mean 'test'"]),
        (
            nothing,
            ["--set", "data.store=/nowhere/at/all"],
            ["/nowhere/at/all: no store here", "--set data.store=FOLDER"],
        ),
        (nothing, ["--set", "evaluation.sed=3"], ["evaluation.sed: unknown key", "'seed'"]),
        (
            nothing,
            ["--set", 'evaluation.tasks=[{kind="retrieval", pairs=[["image", "txt"]]}]'],
            ["evaluation.tasks.0.pairs", "no column 'txt'; did you mean 'text'"],
        ),
        (
            nothing,
            ["--set", 'evaluation.tasks=[{kind="zero_shot", classes="image"}]'],
            ["task 'zero_shot' cannot run", "items of column 'image' do not stand for classes"],
        ),
        (nothing, ["--set", "evaluation.tasks=[]"], ["no task to run"]),
        (nothing, ["--set", "nonsense"], ["nonsense: is no setting"]),
        (nothing, ["--device", "tpu9"], ["--device tpu9 cannot be used"]),
        (nothing, ["--out", __file__], ["test_cli.py is a file; wanted a folder"]),
    ],
)
def test_what_the_user_can_mend_is_said_without_a_traceback(
    run_folder: Path, damage: Callable[[Path], None], arguments: list[str], messages: list[str]
) -> None:
    damage(run_folder)

    code, out, error = command("run", run_folder, *arguments)

    assert code == 2
    assert error.startswith("error: ")
    assert "Traceback" not in out + error
    for message in messages:
        assert message in error
    assert not list(run_folder.glob("*report*"))


def test_a_store_without_the_models_column_or_of_another_kind_is_refused(
    run_folder: Path, tmp_path: Path
) -> None:
    poor = make_store(tmp_path / "poor", columns=["image", "text"])
    code, _, error = command("run", run_folder, "--set", f"data.store={poor}")
    assert code == 2
    assert "has no column 'prototypes'" in error

    description = poor / "store.json"
    content = json.loads(description.read_text())
    content["columns"]["prototypes"] = content["columns"]["image"]
    content["columns"]["image"] = content["columns"]["text"]
    description.write_text(json.dumps(content))
    code, _, error = command("run", run_folder, "--set", f"data.store={poor}")
    assert code == 2
    assert "column 'image' is of kind 'text'" in error


def test_a_run_is_evaluated_from_the_command_line(run_folder: Path) -> None:
    code, out, error = command("run", run_folder, "--quiet")

    assert (code, error) == (0, "")
    assert out.split() == [
        "report:",
        str(run_folder / "report.html"),
        "(with",
        "report.json",
        "and",
        "queries.parquet)",
    ]


def test_a_full_disk_ends_with_a_message_and_the_earlier_report(run_folder: Path) -> None:
    (run_folder / "report.html").write_text("earlier")
    code = (
        "import resource, sys; from polymodal_evaluator.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 13, resource.RLIM_INFINITY));"
        f"sys.argv = ['polymodal-evaluate', 'run', {str(run_folder)!r}, '--quiet']; main()"
    )

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )

    assert found.returncode == 2, found.stderr
    assert "could not write the report" in found.stderr
    assert "Traceback" not in found.stderr
    assert (run_folder / "report.html").read_text() == "earlier"
    assert not list(run_folder.glob(".*partial"))


def test_runs_are_compared_from_the_command_line(reports: list[Path], tmp_path: Path) -> None:
    code, out, error = command(
        "compare", reports[0], "--against", reports[1], "--against", reports[2], "--out", tmp_path
    )

    assert (code, error) == (0, "")
    assert "first less second" in out
    assert "mean of 6" in out
    assert (tmp_path / "compare.json").is_file()


def test_what_is_not_comparable_ends_with_its_reason(
    reports: list[Path], run_folder: Path, tmp_path: Path
) -> None:
    code, _, error = command("compare", reports[0])
    assert code == 2
    assert error.startswith("error: 1 run was given; wanted two")

    code, _, error = command("compare", reports[0], run_folder)
    assert code == 2
    assert "no report here (report.json and queries.parquet missing)" in error
    assert f"run `polymodal-evaluate run {run_folder}` first" in error

    other = make_store(tmp_path / "other", seed=8)
    command("run", run_folder, "--quiet", "--set", f"data.store={other}")
    code, out, error = command("compare", reports[0], run_folder)
    assert code == 2
    assert "stores with other contents" in error
    assert "Traceback" not in out + error

    command("run", run_folder, "--quiet", "--set", "evaluation.split=heldout")
    code, _, error = command("compare", reports[0], run_folder)
    assert code == 2
    assert "retrieval image → text: split test against heldout" in error


# typer itself imports pydantic where a command has options of its own.
@pytest.mark.parametrize(
    ("option", "loaded"),
    [
        ("--help", []),
        ("--version", []),
        ("run --help", ["pydantic"]),
        ("compare --help", ["pydantic"]),
    ],
)
def test_help_needs_nothing_heavy(option: str, loaded: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['polymodal-evaluate', *{option.split()!r}]\n"
        "from polymodal_evaluator.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'sklearn', 'rich', 'polymodal_eval'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)))\n"
    )

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )

    last = found.stdout.splitlines()[-1]
    assert last in {"loaded []", f"loaded {loaded}"}
    assert "polymodal-evaluate" in found.stdout
