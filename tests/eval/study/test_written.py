from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.statistics import PairedEstimate
from polymodal_eval.study.fill import fill
from polymodal_eval.study.written import StudyReport, write_study

from tests.eval.study.studies import evaluated, study_of

TABLES = """
[[tables]]
title = "By <loss>"
note = "Read & understand."
metric = "r@1"
where = { columns = "all" }
rows = "objective"
columns = [
  { name = "I→T", pairs = [["image", "text"]] },
  { name = "I→D", pairs = [["image", "prototypes"]], split = "validation" },
]
contrast = "A"
chart = "bars"
source = "Some & Others"
reference = { A = [67.9, "-"] }
others = { "An older <model>" = [12.0, 3.0] }
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyReport]:
    folder = tmp_path_factory.mktemp("studies") / "toy"
    study = study_of(TABLES)
    reports = evaluated(folder, study)
    del reports["b-i-t-seed1"]
    lacking = {"b-i-t-seed1": "not trained"}
    tables = fill(study, reports, lacking, resamples=30)
    report = StudyReport(
        "toy",
        study,
        tables,
        reports,
        lacking,
        {"date": "2025-01-02T03:04:05", "command": "polymodal-evaluate study", "resamples": 30},
        "[grid]\nseed = [0]",
    )
    write_study(folder, report)
    return folder, report


def test_every_number_is_in_the_json(written: tuple[Path, StudyReport]) -> None:
    folder, report = written
    content: dict[str, Any] = json.loads((folder / "study.json").read_text())
    assert content["axes"] == {
        "seed": ["0", "1"], "objective": ["A", "B"], "columns": ["I+T", "all"],
    }  # fmt: skip
    (table,) = content["tables"]
    filled = report.tables[0].rows[0].cells[0]
    assert filled is not None
    assert filled.estimate is not None
    found = table["rows"][0]["cells"][0]
    assert found["value"] == filled.estimate.value
    assert found["low"] == filled.estimate.low
    assert found["runs"] == filled.runs
    assert found["measures"] == {
        "where": {"columns": ["all"], "objective": ["A"]},
        "task": "retrieval",
        "split": None,
        "metric": "r@1",
        "pairs": [[["image"], ["text"]]],
    }
    assert table["rows"][0]["reference"] == [67.9, None]
    assert table["others"] == {"An older <model>": [12.0, 3.0]}
    assert table["rows"][1]["cells"][1]["reason"].startswith("retrieval on validation")
    assert table["rows"][1]["contrasts"][0]["difference"]["distinguishable"] in (True, False)
    contrast = report.tables[0].rows[1].contrasts[0]
    assert contrast is not None
    assert isinstance(contrast.estimate, PairedEstimate)
    assert table["rows"][1]["contrasts"][0]["difference"]["p_value"] == contrast.estimate.p_value
    assert "p_value" in content["protocol"]
    lacking = [run for run in content["runs"] if "lacking" in run]
    assert [run["folder"] for run in lacking] == ["b-i-t-seed1"]


def written_p_value(report: StudyReport) -> float:
    contrast = report.tables[0].rows[1].contrasts[0]
    assert contrast is not None
    assert isinstance(contrast.estimate, PairedEstimate)
    assert contrast.estimate.p_value is not None
    return contrast.estimate.p_value


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in {"meta", "br", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_self_contained(written: tuple[Path, StudyReport]) -> None:
    folder, _ = written
    page = (folder / "study.html").read_text()
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    for text in (
        "By <loss>", "Read & understand.", "An older <model> (Some & Others)", "67.9",
        "They are none of ours", "Less A, query by query", "7 of 8 runs evaluated", "not trained",
        f"p = {written_p_value(written[1]):.3f}",
        "retrieval on validation image → prototypes was not evaluated", "seed = [0]",
    ):  # fmt: skip
        assert text in parser.text, text
    assert not re.findall(r'(?:src|href)="(?!#|a-|b-)', page)
    assert 'href="a-all-seed0/report.html"' in page
    (chart,) = re.findall(r'<svg class="bars-chart".*?</svg>', page)
    drawn = ElementTree.fromstring(chart)
    assert len(drawn.findall("g")) == 2  # a bar per row; the empty column has no group
    assert len(drawn.findall("g/line")) == 2
    assert "I→D" not in chart


def test_links_reach_the_runs_from_another_folder(
    written: tuple[Path, StudyReport], tmp_path: Path
) -> None:
    folder, report = written
    page = write_study(tmp_path / "deep" / "er", report)
    (link,) = set(re.findall(r'href="([^"]*a-all-seed0/report\.html)"', page.read_text()))
    assert (page.parent / link).resolve() == (folder / "a-all-seed0" / "report.html").resolve()


def test_where_nothing_can_be_written(written: tuple[Path, StudyReport], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PolymodalError, match=r"could not write the study's tables.*--out"):
        write_study(tmp_path / "file", written[1])
