from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.comparison.reports import read_report
from polymodal_eval.results import TaskResult
from polymodal_eval.tasks.probe import Probe
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.comparison.saved import run, saved
from tests.eval.worlds import scenes


def test_a_report_gives_back_every_query_of_every_measurement(tmp_path: Path) -> None:
    space = scenes()
    results: list[TaskResult] = [
        Retrieval()(space),
        ZeroShot("all")(space),
        Probe(("image",), methods=("class_mean",), min_count=4, folds=2)(space),
    ]

    report = saved(tmp_path, results, space)

    measured = [item for result in results for item in result.measurements]
    assert [line.name for line in report.lines][:1] == ["retrieval image → text"]
    assert len(report.lines) == len(measured)
    for line, item in zip(report.lines, measured, strict=True):
        found, wanted = report.queries(line), item.queries
        assert found is not None
        assert wanted is not None
        assert len(found) == item.num_queries
        assert found.id == wanted.id
        for name in ("instance", "cluster", "score"):
            assert np.array_equal(getattr(found, name), getattr(wanted, name))
        for name in ("rank", "hits", "num_relevant", "average_precision"):
            one, other = getattr(found, name), getattr(wanted, name)
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other)
        labels = None if wanted.labels is None else tuple(map(tuple, wanted.labels))
        assert found.labels == labels


def test_what_is_no_report_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no report here \(report.json and queries.parquet"):
        read_report(tmp_path)
    run(tmp_path, seed=0)
    (tmp_path / "queries.parquet").unlink()
    with pytest.raises(
        PolymodalError, match=r"no report here \(queries.parquet missing\); run `polymodal-evaluate"
    ):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("report.json", "{", "damaged report"),
        ("report.json", "[]", "a report of schema None"),
        ("report.json", '{"schema": 1}', "a report of schema 1; this version compares schema 2"),
        ("queries.parquet", "half", "damaged report"),
    ],
)
def test_damaged_and_older_reports_are_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    run(tmp_path, seed=0)
    (tmp_path / name).write_text(content)

    with pytest.raises(PolymodalError, match=message):
        read_report(tmp_path)


def test_files_of_two_evaluations_are_not_mixed(tmp_path: Path) -> None:
    run(tmp_path, seed=0)
    content = json.loads((tmp_path / "report.json").read_text())
    content["tasks"][0]["measurements"][0]["num_queries"] = 7
    (tmp_path / "report.json").write_text(json.dumps(content))
    report = read_report(tmp_path)

    with pytest.raises(PolymodalError, match=r"24 queries of retrieval image → text.*counts 7"):
        report.queries(report.lines[0])
