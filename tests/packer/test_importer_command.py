from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from polymodal_datasets.store import Store

from ..datasets.processes import forked
from .conftest import Run


def test_help_shows_what_the_importer_takes(run: Run) -> None:
    shown = run("fake", "--help")
    assert shown.code == 0
    assert "Pictures with captions.\n\n  Nothing is read: `pictures` says how many." in shown.out
    lines = [line.strip() for line in shown.out.splitlines()]
    assert "pictures                 integer  (= 5)" in lines
    assert "columns.<name>.template  text  (required)" in lines
    assert "--out STORE" in shown.out
    # The module's own docstring is a single headline here: nothing to add.
    assert "beside the kinds of modality" not in shown.out


def test_pack(run: Run) -> None:
    done = run("fake", "--out", "data/s", "--set", "pictures=3", "--workers", "1")
    assert (done.code, done.out) == (0, "data/s: 15 rows of 3 picture, 15 caption\n")
    assert len(Store("data/s").table) == 15


def test_what_the_importer_left_out_is_said(run: Run) -> None:
    done = run("needy", "--out", "s", "--root", ".")
    assert done.code == 0
    assert done.out.splitlines()[1] == "pictures in no list: 1,200"


def test_packing_options_by_kind_and_column(run: Run) -> None:
    run("fake", "--out", "a", "--set", "note.upper=true")
    assert Store("a").columns["caption"].options == {"upper": True}
    run("fake", "--out", "b", "--set", "note.upper=true", "--set", "caption.upper=false")
    assert Store("b").read("caption", [0]) == [b"text 0"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["picturs=3"], "picturs: unknown key; did you mean 'pictures'?"),
        (["pictures=many"], "pictures: Input should be a valid integer"),
        (["pictures=-1"], "pictures: Input should be greater than or equal to 0; given -1"),
        (["captoin.upper=true"], "captoin.upper: no such option; did you mean 'caption'?"),
        (["note.uper=true"], "caption.uper: unknown key; did you mean 'upper'?"),
        (["pictures"], "pictures: is no setting; write --set section.key=value"),
        (["root=/nowhere"], "/nowhere: no such folder"),
        (["columns.a.templat=x"], "columns.a.templat: unknown key; did you mean 'template'?"),
    ],
)
def test_wrong_settings(run: Run, settings: list[str], message: str) -> None:
    done = run("fake", "--out", "s", *(word for item in settings for word in ("--set", item)))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not list(Path().iterdir())


def test_every_wrong_setting_is_reported_at_once(run: Run) -> None:
    done = run("fake", "--out", "s", "--set", "pictures=many", "--set", "fraction=half")
    assert "pictures:" in done.err
    assert "fraction:" in done.err


def test_root(run: Run) -> None:
    missing = run("needy", "--out", "s")
    assert missing.code == 2
    assert "root: is required and not given; say --root FOLDER" in missing.err
    Path("raw").mkdir()
    assert run("needy", "--out", "s", "--root", "raw").code == 0
    source = Store("s").describe()["source"]
    assert source.pop("left_out") == {"pictures in no list": 1200}
    assert source == {"kind": "needy", "root": "raw"}
    assert run("needy", "--out", "t", "--set", "root=raw").code == 0


def test_out_is_required(run: Run) -> None:
    done = run("fake")
    assert done.code == 2
    assert "Missing option '--out'" in done.err


def test_bad_rows_are_told(run: Run) -> None:
    done = run("fake", "--out", "s", "--set", "pictures=60")
    assert done.code == 0
    assert "12 bad rows were skipped:" in done.out
    assert "captions.csv:37: no such column" in done.out
    assert "column 'caption', item '8#empty': empty text" in done.out
    assert done.out.endswith("  ...\nall of them are in s/bad_rows.jsonl\n")


def test_strict(run: Run) -> None:
    done = run("fake", "--out", "s", "--set", "pictures=60", "--strict")
    assert done.code == 2
    assert "captions.csv:37: no such column\nstopped by --strict" in done.err
    assert not Path("s").exists()


def test_nothing_to_pack(run: Run) -> None:
    done = run("fake", "--out", "s", "--set", "pictures=0")
    assert done.code == 2
    assert "no row could be packed" in done.err


def test_a_store_is_not_overwritten(run: Run) -> None:
    run("fake", "--out", "s")
    done = run("fake", "--out", "s", "--restart")
    assert done.code == 2
    assert "s holds a store already" in done.err


def test_an_interrupted_pack_goes_on_with_the_same_command_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polymodal_datasets.packer.CHUNK_VALUES", 20)
    many = ["--set", "pictures=40", "--workers", "1"]
    stopped = run("fake", "--out", "s", *many, "--set", "interrupted=true")
    assert stopped.code == 130
    assert "stopped; give the same command again to go on" in stopped.err
    other = run("fake", "--out", "s", *many)
    assert other.code == 2
    assert "source.interrupted was True, now False" in other.err
    assert run("fake", "--out", "s", *many, "--restart").code == 0


def test_a_full_disk(run: Run) -> None:
    def full() -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        done = run("fake", "--out", "s")
        assert done.code == 2
        assert "s.partial could not be written" in done.err
        assert "Traceback" not in done.err

    assert forked(full) == 0
    assert run("fake", "--out", "s").code == 0


def test_an_output_that_cannot_be_made(run: Run) -> None:
    Path("file").write_text("")
    done = run("fake", "--out", "file/s")
    assert done.code == 2
    assert "file/s.partial, where this pack would work, cannot be made" in done.err
    assert "choose another --out" in done.err
    assert "Traceback" not in done.err


def test_same_arguments_same_store(run: Run) -> None:
    for name in ("a", "b"):
        run("fake", "--out", name, "--set", "pictures=9")
    first, second = Store("a"), Store("b")
    assert first.fingerprint == second.fingerprint
    assert np.array_equal(first.table.items["picture"], second.table.items["picture"])
