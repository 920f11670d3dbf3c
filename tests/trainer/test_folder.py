"""The life of a run folder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from polymodal_core.errors import RunError
from polymodal_trainer.folder import check_free, new_run, write_json, write_text
from polymodal_trainer.lock import RunLock

OUT = Path("deep/runs/one")


def hidden() -> list[Path]:
    return list(OUT.parent.glob(".one.start-*"))


def test_folder_appears_whole_with_its_lock_held() -> None:
    with new_run(OUT) as (run, lock):
        (run.path / "recipe.toml").write_text("seed = 1\n")
        assert not OUT.exists()
    assert (OUT / "recipe.toml").read_text() == "seed = 1\n"
    assert not hidden()
    probe = "import sys; from pathlib import Path; from polymodal_trainer.lock import RunLock; "
    probe += "RunLock(Path(sys.argv[1]))"
    command = [sys.executable, "-c", probe, str(OUT)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"process {os.getpid()}" in refused.stderr
    lock.release()
    subprocess.run(command, check=True)


def test_folder_is_as_open_as_any_other() -> None:
    with new_run(OUT) as (_, lock):
        pass
    lock.release()
    (OUT.parent / "other").mkdir()
    assert stat.S_IMODE(OUT.stat().st_mode) == stat.S_IMODE((OUT.parent / "other").stat().st_mode)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), RunError("no")])
def test_failure_leaves_nothing(error: BaseException) -> None:
    def fail() -> None:
        with new_run(OUT) as (run, _):
            (run.path / "recipe.toml").write_text("")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert not OUT.exists()
    assert not hidden()


def test_failed_write_is_told_with_the_folder() -> None:
    with (
        pytest.raises(RunError, match=r"deep/runs/one: could not write the run folder: .*full"),
        new_run(OUT),
    ):
        raise OSError(28, "the disk is full")
    assert not hidden()


def test_faster_trainer_wins() -> None:
    def lose() -> None:
        with new_run(OUT):
            OUT.mkdir()
            (OUT / "recipe.toml").write_text("theirs\n")

    with pytest.raises(RunError, match="holds a run already"):
        lose()
    assert (OUT / "recipe.toml").read_text() == "theirs\n"
    assert not hidden()


def test_what_a_kill_left_is_swept_away_and_what_lives_is_not() -> None:
    dead = OUT.parent / ".one.start-dead"
    young = OUT.parent / ".one.start-young"  # made, and not locked yet
    for folder in (dead, young):
        folder.mkdir(parents=True)
    RunLock(dead).release()
    with new_run(OUT) as (_, lock):
        pass
    lock.release()
    assert not dead.exists()
    assert young.exists()


def test_free_is_what_does_not_exist_or_is_empty() -> None:
    check_free(OUT)
    OUT.mkdir(parents=True)
    check_free(OUT)
    (OUT / "a").touch()
    with pytest.raises(RunError, match="is not empty"):
        check_free(OUT)


def test_a_folder_that_cannot_be_made_is_told() -> None:
    Path("file").touch()
    with (
        pytest.raises(RunError, match=r"no run folder can be made there: .*another --out"),
        new_run(Path("file/run")),
    ):
        pass


def test_files_are_replaced_in_one_step() -> None:
    for text in ("first", "second"):
        write_text(Path("a.txt"), text)
        write_json(Path("a.json"), {"is": text})
    assert Path("a.txt").read_text() == "second"
    assert '"is": "second"' in Path("a.json").read_text()
    assert {path.name for path in Path().iterdir()} == {"a.txt", "a.json"}
