from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from .conftest import Run


@pytest.fixture(autouse=True)
def store(run: Run) -> None:
    assert run("fake", "--out", "s", "--set", "pictures=9").code == 0


def test_rows_by_number(run: Run) -> None:
    done = run("show", "s", "--rows", "0, 5,9", "--out", "three.png")
    assert (done.code, done.out) == (0, "three.png: rows 0, 5, 9 of s\n")
    with Image.open("three.png") as three:
        run("show", "s", "--rows", "0", "--out", "one.png")
        with Image.open("one.png") as one:
            assert three.format == "PNG"
            assert three.width == one.width
            assert three.height > 2 * one.height


def test_rows_by_lot_depend_on_the_seed(run: Run) -> None:
    first = run("show", "s", "--count", "4").out
    assert Path("rows.png").exists()
    assert first == run("show", "s", "--count", "4").out
    assert first != run("show", "s", "--count", "4", "--seed", "1").out
    assert first.count(",") == 3


def test_rows_of_a_split(run: Run) -> None:
    shown = run("show", "s", "--split", "test", "--count", "100").out
    rows = [*range(10, 15), *range(25, 30), *range(40, 45)]
    assert shown == f"rows.png: rows {', '.join(map(str, rows))} of s\n"
    done = run("show", "s", "--split", "tset")
    assert done.code == 2
    assert "did you mean 'test'" in done.err


@pytest.mark.parametrize("rows", ["0,x", "-1", "9999", "", "1.5"])
def test_rows_that_do_not_exist(run: Run, rows: str) -> None:
    done = run("show", "s", f"--rows={rows}")
    assert done.code == 2
    assert "wanted numbers from 0 to 44, such as 0,5,9" in done.err


def test_rows_and_split_exclude_each_other(run: Run) -> None:
    assert "exclude each other" in run("show", "s", "--rows", "0", "--split", "test").err


def test_a_picture_that_cannot_be_written(run: Run) -> None:
    Path("file").write_text("")
    done = run("show", "s", "--out", "file/rows.png")
    assert done.code == 2
    assert "file/rows.png: could not write the picture" in done.err
    assert "choose another --out" in done.err
