from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.report import files
from polymodal_eval.report.files import write_report

from tests.eval.report.evaluations import evaluated


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file grow beyond 8 KiB, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 13, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_three_files_and_nothing_else(tmp_path: Path) -> None:
    page = write_report(tmp_path / "new", evaluated())

    assert page == tmp_path / "new" / "report.html"
    names = sorted(item.name for item in (tmp_path / "new").iterdir())
    assert names == ["queries.parquet", "report.html", "report.json"]
    assert json.loads((tmp_path / "new" / "report.json").read_text())["name"] == "rooms <one>"
    assert pq.read_table(tmp_path / "new" / "queries.parquet").num_rows > 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_report(tmp_path, evaluated())
    write_report(tmp_path, evaluated(name="second"))

    assert json.loads((tmp_path / "report.json").read_text())["name"] == "second"
    assert "<title>second" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_leaves_the_earlier_report_whole(tmp_path: Path) -> None:
    for name in ("report.json", "queries.parquet", "report.html"):
        (tmp_path / name).write_text("earlier")

    with pytest.raises(PolymodalError, match=r"could not write the report.*is unchanged"):
        write_report(tmp_path, evaluated())

    assert {item.name: item.read_text() for item in tmp_path.iterdir()} == {
        "report.json": "earlier",
        "queries.parquet": "earlier",
        "report.html": "earlier",
    }


def test_a_file_in_the_folders_place_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(PolymodalError, match=r"file: could not write the report.*--out"):
        write_report(tmp_path / "file", evaluated())

    assert (tmp_path / "file").read_text() == "mine"


def test_a_failure_in_the_last_file_replaces_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(tmp_path, evaluated())
    before = {item.name: item.read_bytes() for item in tmp_path.iterdir()}

    def broken(path: Path, results: object) -> int:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_queries", broken)
    with pytest.raises(PolymodalError, match="No space left on device"):
        write_report(tmp_path, evaluated(name="second"))

    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == before
