from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from polymodal_eval.report.records import write_queries
from polymodal_eval.tasks.probe import Probe

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import scenes


def test_one_line_per_query_and_measurement(tmp_path: Path) -> None:
    given = evaluated()
    measured = [item for result in given.results for item in result.measurements]

    count = write_queries(tmp_path / "queries.parquet", given.results)

    lines = pq.read_table(tmp_path / "queries.parquet").to_pylist()
    assert len(lines) == count == sum(item.num_queries for item in measured)
    forth = [
        line
        for line in lines
        if (line["task"], line["query_column"], line["gallery_column"])
        == ("retrieval", "text", "image")
    ]
    assert len(forth) == 48
    assert len({line["id"] for line in forth}) == 48
    assert [line["instance"] for line in forth] == [number // 2 for number in range(48)]
    assert forth[5]["id"] == "text/5"
    assert {line["candidates"] for line in forth} == {24}
    share = sum(line["rank"] == 1 for line in forth) / 48
    wanted = next(item for item in measured if (item.query, item.gallery) == ("text", "image"))
    assert share == wanted.estimates["r@1"].value
    assert all((line["score"] == 1.0) == (line["rank"] == 1) for line in forth)
    assert {line["metric"] for line in lines} == {"r@1", "accuracy"}
    assert {line["split"] for line in lines} == {"test", "heldout"}
    numbers = {line["measurement"]: line["query_column"] for line in lines}
    assert numbers == {number: item.query for number, item in enumerate(measured)}
    assert {line["cluster"] for line in forth} == set(range(24))
    assert {line["labels"] is None for line in forth} == {True}
    classified = [line for line in lines if line["task"] == "zero_shot"]
    assert all(len(line["labels"]) == 1 for line in classified)


def test_tasks_that_rank_nothing_have_empty_ranks(tmp_path: Path) -> None:
    result = Probe(("image",), methods=("class_mean",), min_count=4, folds=2, repeats=2)(scenes())

    write_queries(tmp_path / "queries.parquet", [result])

    lines = pq.read_table(tmp_path / "queries.parquet").to_pylist()
    assert len(lines) == 24
    assert {line["rank"] for line in lines} == {None}
    assert {line["score"] for line in lines} <= {0.0, 0.5, 1.0}


def test_nothing_measured_is_an_empty_table(tmp_path: Path) -> None:
    assert write_queries(tmp_path / "queries.parquet", []) == 0
    assert pq.read_table(tmp_path / "queries.parquet").num_rows == 0
