from __future__ import annotations

from pathlib import Path

from polymodal_eval.report.training import read_metrics, smoothed, training_curves

from tests.eval.report.evaluations import METRICS


def test_curves_are_collected_by_event() -> None:
    found = training_curves(METRICS)

    assert found.loss == ((1.0, 3.0), (2.0, 2.0))
    assert found.validation == ((0.0, 0.1), (2.0, 0.4))
    assert found.pairs == {"image->text r@1": ((0.0, 0.1), (2.0, 0.4))}
    assert found.best == (2.0, 0.4)
    assert training_curves([]).best is None


def test_pulls_are_collected_where_they_were_measured() -> None:
    found = training_curves(
        [
            {"event": "step", "step": 1, "loss": 1.0},
            {"event": "step", "step": 2, "pair_gradients": {"positive": 0.2, "negative": 0.1}},
            {"event": "step", "step": 4, "pair_gradients": {"positive": None, "negative": 0.3}},
        ]
    )

    assert found.pulls == {"positive": ((2.0, 0.2),), "negative": ((2.0, 0.1), (4.0, 0.3))}
    assert training_curves(METRICS).pulls == {}


def test_values_that_are_no_numbers_are_passed_over() -> None:
    found = training_curves(
        [
            {"event": "step", "step": 1, "loss": None},
            {"event": "step", "loss": 1.0},
            {"event": "step", "step": 3, "loss": float("nan")},
            {"event": "validation", "step": 3, "mean": True, "metrics": None},
        ]
    )

    assert found.loss == found.validation == ()


def test_a_killed_run_leaves_half_a_line_that_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"event": "step", "step": 1, "loss": 2.0}\n[1]\n{"event": "st', "utf-8")

    assert read_metrics(path) == [{"event": "step", "step": 1, "loss": 2.0}]
    assert read_metrics(tmp_path / "absent") == []


def test_long_lines_are_averaged_and_short_ones_kept() -> None:
    line = tuple((float(step), float(step % 2)) for step in range(1000))

    found = smoothed(line, points=100)

    assert len(found) == 100
    assert {value for _, value in found} == {0.5}
    assert found[-1][0] == 999.0
    assert smoothed(line[:50], points=100) == line[:50]
