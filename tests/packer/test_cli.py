from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run

HEAVY = ("pydantic", "torch", "numpy", "rich", "lmdb", "pluggy", "PIL")


def cpu_seconds(code: str, *arguments: str) -> tuple[float, str]:
    """Run code in a fresh interpreter: gives its processor time and its last line of output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    code = (
        "import sys; from polymodal_packer.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    # A ratio, since the machine may be busy: typer alone takes 0.08 s, 0.2 s are allowed.
    typer = min(cpu_seconds("import typer; print()")[0] for _ in range(3))
    spent, heavy = min(cpu_seconds(code, option) for _ in range(3))
    assert heavy == "[]"
    assert spent < 2.5 * typer


def test_help_lists_the_commands_and_how_to_pack(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0
    for word in ("depth", "info", "list", "show", "verify", "polymodal-pack KIND --out STORE"):
        assert word in shown.out
    assert "Usage: polymodal-pack" in run().err + run().out


def test_version(run: Run) -> None:
    assert run("--version").out == "polymodal-pack 0.1.0\n"


def test_unknown_commands_get_a_suggestion(run: Run) -> None:
    done = run("fkae", "--out", "s")
    assert (done.code, done.out) == (2, "")
    assert "'fkae' is neither a command nor an importer; did you mean 'fake'?" in done.err
    assert "plug-in 'sonar' of acme-sonar could not be loaded: ImportError" in done.err
    assert "did you mean 'verify'?" in run("verfy", "s").err


def test_list_names_importers_and_broken_plugins(run: Run) -> None:
    shown = run("list").out
    assert "fake" in shown
    assert "Pictures with captions." in shown
    assert "acme-sonar could not be loaded" in shown


def test_info(run: Run) -> None:
    run("fake", "--out", "s", "--set", "pictures=10", "--set", "caption.upper=true")
    shown = run("info", "s")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert "rows         50 (train 35, test 15)" in lines
    assert "bad rows     2 skipped, listed in bad_rows.jsonl" in lines
    assert any(line.split() == ["picture", "tile", "9", "45", "5", "30", "15"] for line in lines)
    caption = next(line for line in lines if line.strip().startswith("caption"))
    assert caption.split() == ["caption", "note", "49", "49", "1", "34", "15", "upper=True"]
    described = json.loads(run("info", "s", "--json").out)
    assert described["source"] == {
        "kind": "fake",
        "pictures": 10,
        "interrupted": False,
        "fraction": 0.25,
        "names": ["a", "b"],
        "columns": {},
        "joins": [],
    }


def test_info_needs_no_torch(run: Run, tmp_path: Path) -> None:
    run("fake", "--out", "s")
    code = (
        "import sys; from polymodal_packer.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "info", str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("command", ["info", "verify", "show"])
def test_no_store(run: Run, command: str) -> None:
    done = run(command, "nowhere")
    assert done.code == 2
    assert done.err.startswith("error: nowhere: no store here; make one with")


def test_verify_tells_sound_from_damaged(run: Run) -> None:
    run("fake", "--out", "s")
    sound = run("verify", "s")
    assert (sound.code, sound.out) == (0, "s: sound (28 items, 25 rows)\n")
    data = Path("s/data.mdb")
    data.write_bytes(data.read_bytes().replace(b"text 2", b"text 3"))
    damaged = run("verify", "s")
    assert damaged.code == 1
    assert "s: 5 damaged" in damaged.out
    assert "of column 'caption' ('2#" in damaged.out
    data.write_bytes(data.read_bytes()[:-4096])
    cut = run("verify", "s")
    assert cut.code == 2
    assert "bytes where" in cut.err
