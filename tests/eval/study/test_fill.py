from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymodal_eval.comparison.compare import compare
from polymodal_eval.comparison.reports import Report
from polymodal_eval.study.file import Study
from polymodal_eval.study.fill import Filled, FilledTable, fill

from tests.eval.study.studies import evaluated, study_of

TABLES = """
[[tables]]
title = "Retrieval"
metric = "r@1"
where = { columns = "all" }
rows = "objective"
contrast = "A"
columns = [
  { name = "I→T", pairs = [["image", "text"]] },
  { name = "I+T", between = ["image", "text"] },
  { name = "T1", task = "zero_shot", metric = "t1", query = "image", gallery = "prototypes" },
  { name = "enriched", query = ["prototypes", "image"], gallery = "text" },
]
[[tables]]
title = "Third"
metric = "r@1"
where = { columns = "all" }
minus = { where = { columns = "I+T" } }
rows = "objective"
contrast = "B"
columns = [
  { name = "I→T", pairs = [["image", "text"]] },
  { name = "T→I", pairs = [["text", "image"]] },
  { name = "I→C", pairs = [["image", "prototypes"]] },
  { name = "mean", mean = true },
]
[[tables]]
title = "Means"
metric = "r@1"
where = { columns = "all", objective = "A" }
rows = [{ name = "plain" }, { name = "relative", relative = true, minus = { metric = "r@5" } }]
columns = [{ name = "I→T", pairs = [["image", "text"]] },
           { name = "T→I", pairs = [["text", "image"]] }, { name = "mean", mean = true }]
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(TABLES)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, study: Study) -> dict[str, Report]:
    return evaluated(tmp_path_factory.mktemp("runs"), study)


@pytest.fixture(scope="module")
def tables(study: Study, reports: dict[str, Report]) -> list[FilledTable]:
    return fill(study, reports, {}, resamples=300, seed=1)


def measured(report: Report, task: str, query: str, gallery: str, metric: str) -> float:
    line = next(item for item in report.lines if item.key == (task, query, gallery))
    return float(line.content["estimates"][metric]["value"])


def cell(table: FilledTable, row: int, column: int) -> Filled:
    found = table.rows[row].cells[column]
    assert found is not None
    return found


def value(filled: Filled | None) -> float:
    assert filled is not None
    assert filled.estimate is not None
    return filled.estimate.value


def test_a_cell_is_the_mean_over_pairs_and_seeds(
    tables: list[FilledTable], reports: dict[str, Report]
) -> None:
    for row, name in enumerate("ab"):
        runs = [reports[f"{name}-all-seed{seed}"] for seed in (0, 1)]
        there = [measured(run, "retrieval", "image", "text", "r@1") for run in runs]
        back = [measured(run, "retrieval", "text", "image", "r@1") for run in runs]
        classes = [measured(run, "zero_shot", "image", "prototypes", "t1") for run in runs]
        both = [measured(run, "enrichment", "image + prototypes", "text", "r@1") for run in runs]
        assert value(cell(tables[0], row, 0)) == pytest.approx(np.mean(there))
        assert value(cell(tables[0], row, 1)) == pytest.approx(np.mean([there, back]))
        assert value(cell(tables[0], row, 2)) == pytest.approx(np.mean(classes))
        assert value(cell(tables[0], row, 3)) == pytest.approx(np.mean(both))
        assert cell(tables[0], row, 0).runs == pytest.approx(
            dict(zip(["seed 0", "seed 1"], there, strict=True))
        )
        assert cell(tables[0], row, 0).queries == 20
        assert cell(tables[0], row, 1).queries == 60
        assert (cell(tables[0], row, 0).num_runs, cell(tables[0], row, 0).planned) == (2, 2)


def test_contrasts_are_the_paired_differences_that_compare_gives(
    tables: list[FilledTable], reports: dict[str, Report]
) -> None:
    sides = [[reports[f"{name}-all-seed{seed}"] for seed in (0, 1)] for name in "ba"]
    found = compare(*sides, resamples=300)
    wanted = next(item for item in found.compared if item.line.key[1:] == ("image", "text"))
    estimate = wanted.headline.difference
    first, second = tables[0].rows
    assert first.contrasts == (None,) * 4
    contrast = second.contrasts[0]
    assert contrast is not None
    assert contrast.estimate is not None
    assert contrast.signed
    assert contrast.estimate.value == pytest.approx(estimate.value)
    # Other draws of the same bootstrap.
    assert contrast.estimate.low == pytest.approx(estimate.low, abs=0.06)
    assert contrast.estimate.high == pytest.approx(estimate.high, abs=0.06)


def test_what_is_subtracted_and_means_of_a_row(
    tables: list[FilledTable], reports: dict[str, Report]
) -> None:
    def of(name: str, query: str, gallery: str, metric: str = "r@1") -> float:
        runs = [reports[f"{name}-seed{seed}"] for seed in (0, 1)]
        return float(np.mean([measured(run, "retrieval", query, gallery, metric) for run in runs]))

    third = cell(tables[1], 0, 0)
    assert third.signed
    assert value(third) == pytest.approx(
        of("a-all", "image", "text") - of("a-i-t", "image", "text")
    )
    assert third.runs is not None
    assert set(third.runs) == {"seed 0", "seed 1"}
    plain = [value(cell(tables[2], 0, place)) for place in range(3)]
    assert plain[2] == pytest.approx((plain[0] + plain[1]) / 2)
    relative = cell(tables[2], 1, 0)
    one, five = of("a-all", "image", "text"), of("a-all", "image", "text", "r@5")
    assert value(relative) == pytest.approx((one - five) / five)
    assert relative.relative


def test_an_empty_cell_says_why_and_empties_the_mean(tables: list[FilledTable]) -> None:
    empty = cell(tables[1], 0, 2)
    assert empty.estimate is None
    assert empty.reason == "no run of columns = I+T; objective = A has image and prototypes"
    assert cell(tables[1], 0, 3).reason == "1 of the row's 3 cells are empty"
    assert tables[1].reasons["1 of the row's 3 cells are empty"] == ["A, mean", "B, mean"]


def test_runs_without_a_report_are_counted_and_named(
    study: Study, reports: dict[str, Report]
) -> None:
    few = {name: report for name, report in reports.items() if name != "a-all-seed1"}
    table = fill(study, few, {"a-all-seed1": "not trained"}, resamples=20)[0]
    filled = cell(table, 0, 0)
    assert (filled.num_runs, filled.planned) == (1, 2)
    none = {name: report for name, report in reports.items() if not name.startswith("a-all")}
    lacking = {"a-all-seed0": "not trained", "a-all-seed1": "not trained"}
    table = fill(study, none, lacking, resamples=20)[0]
    assert cell(table, 0, 0).reason == "a-all-seed0, a-all-seed1: not trained"
    assert table.rows[1].contrasts[0] is not None
    assert table.rows[1].contrasts[0].estimate is None


def test_runs_on_other_stores_are_not_compared(tmp_path: Path) -> None:
    study = study_of(TABLES)
    ours = evaluated(tmp_path / "one", study, size=8)
    other = evaluated(tmp_path / "two", study, size=8, store="xyz")
    mixed = {name: (other if name.startswith("b") else ours)[name] for name in ours}
    table = fill(study, mixed, {}, resamples=20)[0]
    assert value(cell(table, 1, 0)) > 0
    contrast = table.rows[1].contrasts[0]
    assert contrast is not None
    assert contrast.estimate is None
    assert "stores with other contents" in contrast.reason
    assert any("B, I→T contrast" in cells for cells in table.reasons.values())
