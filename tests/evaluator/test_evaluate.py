from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_evaluator.evaluate import Request, choose_device, evaluate

from tests.evaluator.conftest import make_store

TASKS = (
    'evaluation.tasks=[{kind="retrieval"}, {kind="zero_shot", split="heldout"}, '
    '{kind="zero_shot", split="heldout", candidates="all"}, {kind="prompts", split="heldout"}]'
)


def report_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def test_a_run_becomes_a_report(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = evaluate(Request(run_folder))

    printed = capsys.readouterr().out
    assert page == run_folder / "report.html"
    assert f"report: {page}" in printed
    assert "Retrieval, split test" in printed
    found = report_of(run_folder)
    assert [item["task"] for item in found["tasks"]] == [
        "retrieval",
        "enrichment",
        "zero_shot",
        "prompts",
    ]
    assert len(found["tasks"][0]["measurements"]) == 6
    for line in found["tasks"][0]["measurements"]:
        estimate = line["estimates"]["r@1"]
        assert f"{line['query']} → {line['gallery']}" in printed
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert found["tasks"][0]["measurements"][0]["num_queries"] == 16
    assert found["protocol"]["resamples"] == 50
    assert found["run"] == {
        "path": str(run_folder.resolve()),
        "checkpoint": "best",
        "step": 12,
        "epoch": 2,
    }
    assert found["environment"]["seed"] == 3
    assert found["evaluation"]["versions"]["polymodal-image"]
    assert found["warnings"] == []
    assert found["recipe"]["modalities"]["image"]["size"] == 16
    assert pq.read_table(run_folder / "queries.parquet").num_rows > 0
    assert 'class="chart"' in page.read_text(encoding="utf-8")


def test_tasks_run_on_their_splits_and_each_split_is_embedded_once(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(Request(run_folder, settings=(TASKS,)))

    printed = capsys.readouterr().out
    assert printed.count("embedding test") == 1
    assert printed.count("embedding heldout") == 1
    found = report_of(run_folder)
    assert set(found["splits"]) == {"test", "heldout"}
    few, every = found["tasks"][1]["measurements"][0], found["tasks"][2]["measurements"][0]
    held = found["splits"]["heldout"]["classes"]
    assert few["num_candidates"] == held < every["num_candidates"]
    assert few["num_queries"] == every["num_queries"]


def test_results_repeat_and_a_second_report_replaces_the_first(run_folder: Path) -> None:
    evaluate(Request(run_folder, quiet=True))
    first = report_of(run_folder)
    queries = pq.read_table(run_folder / "queries.parquet")

    evaluate(Request(run_folder, quiet=True, settings=("evaluation.batch_size=5",)))

    second = report_of(run_folder)
    for one, two in zip(first["tasks"], second["tasks"], strict=True):
        assert one["measurements"] == two["measurements"]
    assert queries.equals(pq.read_table(run_folder / "queries.parquet"))


def test_another_folder_another_checkpoint_and_another_split(
    run_folder: Path, tmp_path: Path
) -> None:
    page = evaluate(
        Request(
            run_folder,
            settings=("evaluation.split=validation",),
            checkpoint="step-00000006",
            out=tmp_path / "elsewhere",
            quiet=True,
        )
    )

    assert page == tmp_path / "elsewhere" / "report.html"
    assert not (run_folder / "report.html").exists()
    found = report_of(tmp_path / "elsewhere")
    assert found["run"]["checkpoint"] == "step-00000006"
    assert found["splits"]["validation"]["instances"] == 8


def test_a_validation_split_cut_from_training_is_found_again(run_folder: Path) -> None:
    settings = ("data.validation_size=6", "evaluation.split=validation")
    evaluate(Request(run_folder, settings=settings, quiet=True))
    cut = set(pq.read_table(run_folder / "queries.parquet")["instance"].to_pylist())

    evaluate(
        Request(
            run_folder, settings=("data.validation_size=6", "evaluation.split=train"), quiet=True
        )
    )
    rest = set(pq.read_table(run_folder / "queries.parquet")["instance"].to_pylist())

    assert len(cut) == 6
    assert len(rest) == 18
    assert not cut & rest


def test_a_limit_of_rows_is_said_in_the_report(run_folder: Path) -> None:
    evaluate(Request(run_folder, settings=("data.limit=10",), quiet=True))

    found = report_of(run_folder)
    assert found["splits"]["test"]["rows"] == 10
    assert found["warnings"] == [
        "only 10 of the 32 rows of split 'test' are evaluated (data.limit)"
    ]


def test_a_relative_store_is_found_where_training_found_it(
    run_folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = run_folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(store), "rooms"))
    monkeypatch.chdir(store.parent)
    evaluate(Request(run_folder, quiet=True))
    monkeypatch.chdir("/")

    evaluate(Request(run_folder, quiet=True))

    assert report_of(run_folder)["store"]["path"] == str(store.resolve())


def test_another_store_is_warned_of(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_store(tmp_path / "other", seed=5)

    evaluate(Request(run_folder, settings=(f"data.store={other}",), quiet=True))

    assert "is not the one that the run was trained on" in capsys.readouterr().out
    assert "is not the one that the run was trained on" in report_of(run_folder)["warnings"][0]


def test_other_versions_of_plugins_are_warned_of(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = run_folder / "checkpoints" / "best" / "state.json"
    content = json.loads(state.read_text())
    content["plugins"] = {"polymodal-image": "0.0.1", "acme-radar": "3.1"}
    state.write_text(json.dumps(content))

    evaluate(Request(run_folder, quiet=True))

    printed = capsys.readouterr().out
    assert "trained with other versions" in printed
    assert "acme-radar 3.1 → absent" in printed
    assert "polymodal-image 0.0.1 →" in printed


def test_a_column_that_a_split_lacks_is_said(run_folder: Path, tmp_path: Path) -> None:
    # Every value of the split that is read from a store with many gaps is evaluated all the same.
    gappy = make_store(tmp_path / "gappy", missing=0.5, seed=3)

    evaluate(Request(run_folder, settings=(f"data.store={gappy}",), quiet=True))

    found = report_of(run_folder)
    columns = {item["name"]: item for item in found["splits"]["test"]["columns"]}
    assert columns["image"]["rows"] < found["splits"]["test"]["rows"]
    line = found["tasks"][0]["measurements"][0]
    assert line["num_queries"] + line["num_left_out"] == columns["image"]["items"]


def test_the_device_is_checked_first() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in {"cpu", "cuda"}
    for wrong in ("gpu", "cuda:99"):
        with pytest.raises(PolymodalError, match=rf"--device {wrong} cannot be used"):
            choose_device(wrong)


def test_nothing_is_left_beside_the_report(run_folder: Path, pristine: Path) -> None:
    before = {item.name for item in pristine.iterdir()}

    evaluate(Request(run_folder, quiet=True))

    after = {item.name for item in run_folder.iterdir()}
    assert after - before == {"report.html", "report.json", "queries.parquet"}
    shutil.rmtree(run_folder)
