from __future__ import annotations

import json
from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_evaluator.comparing import CompareRequest, compare_runs, reports_of, sides


def test_two_runs_are_compared_and_every_number_written(
    reports: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare_runs(
        CompareRequest((reports[0], reports[1]), out=tmp_path / "new", resamples=50)
    )

    printed = capsys.readouterr().out
    content = json.loads((tmp_path / "new" / "compare.json").read_text())
    assert f"comparison: {tmp_path / 'new' / 'compare.json'}" in printed
    assert "Retrieval, split test: R@1 (in %), first less second" in printed
    lines = json.loads((reports[0] / "report.json").read_text())["tasks"][0]["measurements"]
    assert len([item for item in content["measurements"] if item["task"] == "retrieval"]) == 6
    for line, item in zip(lines, content["measurements"], strict=False):
        part = item["metrics"]["r@1"]
        assert part["first"] == pytest.approx(line["estimates"]["r@1"]["value"])
        assert item["shared_queries"] == line["num_queries"]
        assert f"{item['query']} → {item['gallery']}" in printed
    assert len(found.compared) == len(content["measurements"])
    assert content["store"]["fingerprint"]


def test_a_json_file_can_be_named_and_quiet_prints_only_its_path(
    reports: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "own.json"

    compare_runs(CompareRequest(tuple(reports[:2]), out=out, resamples=5, quiet=True))

    assert json.loads(out.read_text())["measurements"]
    assert capsys.readouterr().out == f"comparison: {out}\n"


def test_sides_of_several_runs_and_a_folder_of_runs(
    reports: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare_runs(
        CompareRequest((reports[0], reports[1]), (reports[2],), metric="r@5", resamples=5)
    )

    assert (len(found.first), len(found.second)) == (2, 1)
    printed = capsys.readouterr().out
    assert "runs of a side are averaged query by query" in printed
    assert "Retrieval, split test: R@5" in printed
    assert "Accuracy" not in printed  # R@5 is no metric of the other task
    every = reports_of([reports[0].parent])
    assert [report.folder for report in every] == reports


@pytest.mark.parametrize("count", [1, 3])
def test_other_than_two_runs_need_to_say_which_side_they_are_on(
    reports: list[Path], count: int
) -> None:
    with pytest.raises(PolymodalError, match=r"given; wanted two, or several .* --against"):
        sides(reports[:count], ())
    assert sides(reports[:2], ()) == ((reports[0],), (reports[1],))
    assert sides(reports[:1], reports[1:]) == ((reports[0],), tuple(reports[1:]))


def test_mistakes_are_said(reports: list[Path], tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match="no report here"):
        compare_runs(CompareRequest((reports[0], tmp_path)))
    with pytest.raises(PolymodalError, match="named twice on one side"):
        compare_runs(CompareRequest((reports[0], reports[0]), (reports[1],)))
    with pytest.raises(PolymodalError, match=r"--metric r@7: no such metric; did you mean 'r@"):
        compare_runs(CompareRequest(tuple(reports[:2]), metric="r@7", resamples=5))
