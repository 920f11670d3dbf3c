from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from polymodal_eval.comparison.compare import Compared, Comparison, MeanDifference
from polymodal_eval.comparison.differences import Difference
from polymodal_eval.comparison.reports import Line, Report
from polymodal_eval.results import Skipped
from polymodal_eval.statistics import PairedEstimate
from polymodal_evaluator.comparison_tables import MOST_LINES, show_comparison
from polymodal_evaluator.display import Display
from rich.console import Console


def compared(query: str, *differences: Difference, shared: int = 40, most: int = 40) -> Compared:
    content = {"query": query, "gallery": "text", "headline": differences[0].metric}
    return Compared(Line("retrieval", "test", content), shared, (shared, most), differences)


def difference(
    metric: str,
    first: tuple[float, ...],
    second: tuple[float, ...],
    low: Any,
    high: Any,
    p_value: float | None = None,
) -> Difference:
    value = sum(first) / len(first) - sum(second) / len(second)
    return Difference(metric, first, second, PairedEstimate(value, low, high, p_value=p_value))


def printed(
    *items: Compared,
    means: tuple[MeanDifference, ...] = (),
    refused: tuple[Skipped, ...] = (),
    metric: str | None = None,
    quiet: bool = False,
) -> list[str]:
    runs = [Report(Path(name), {"run": {"checkpoint": "best"}}, None) for name in ("a", "b")]
    found = Comparison((runs[0],), (runs[1],), items, means, refused, 100, 0)
    buffer = io.StringIO()
    display = Display(quiet=quiet, console=Console(file=buffer, width=120))
    show_comparison(display, found, metric=metric)
    return [" ".join(line.split()) for line in buffer.getvalue().splitlines() if line.strip()]


def test_lines_hold_both_values_difference_interval_queries_and_verdict() -> None:
    lines = printed(
        compared("image", difference("r@1", (0.5,), (0.4,), 0.05, 0.15, 0.012)),
        compared("depth", difference("r@1", (0.5,), (0.51,), -0.05, 0.03, 0.6), shared=30),
        compared("sound", difference("r@1", (0.5,), (0.5,), None, None)),
    )

    assert lines[0] == "first: a (best)"
    assert lines[1] == "second: b (best)"
    assert "image → text 50.0 40.0 +10.0 +5.0 to +15.0 0.012 40" in lines
    assert "depth → text 50.0 51.0 −1.0 −5.0 to +3.0 0.600 30 of 40 n.d." in lines
    assert any(line.startswith("n.d.: not distinguishable") for line in lines)
    assert "sound → text 50.0 50.0 ±0.0 – – 40 no interval" in lines


def test_the_mean_over_measurements_stands_below() -> None:
    paired = PairedEstimate(0.05, 0.01, 0.09, p_value=0.002)
    mean = MeanDifference("retrieval", "test", "r@1", 2, 0.5, 0.45, paired)
    other = MeanDifference("retrieval", "test", "r@5", 2, 0.9, 0.8, paired)

    lines = printed(
        compared("image", difference("r@1", (0.5,), (0.4,), 0.05, 0.15)), means=(mean, other)
    )

    assert lines[-2] == "mean of 2 50.0 45.0 +5.0 +1.0 to +9.0 0.002"
    assert not any("90.0" in line for line in lines)


def test_another_metric_can_be_shown_and_ranks_are_no_percentages() -> None:
    item = compared(
        "image",
        difference("r@1", (0.5,), (0.4,), 0.05, 0.15),
        difference("median_rank", (3.0,), (5.5,), -4.0, -1.0),
    )

    lines = printed(item, metric="median_rank")

    assert "Retrieval, split test: Median rank, first less second" in lines
    assert "image → text 3.0 5.5 -2.5 -4.0 to -1.0 – 40" in lines
    assert not any("R@1" in line for line in lines)
    assert len(printed(item, metric="t1")) == 2


def test_several_runs_show_their_range() -> None:
    lines = printed(compared("image", difference("r@1", (0.5, 0.6), (0.4,), 0.1, 0.2)))

    assert any("55.0 (50.0 – 60.0) 40.0 +15.0" in line for line in lines)


def test_of_many_lines_the_largest_differences_are_shown() -> None:
    items = [
        compared(f"c{n}", difference("r@1", (n / 100,), (0.0,), 0.0, 1.0))
        for n in range(MOST_LINES + 5)
    ]

    lines = printed(*items)

    names = [line.split()[0] for line in lines if line.startswith("c")]
    assert names == [f"c{n}" for n in range(MOST_LINES + 4, 4, -1)]
    assert any("5 smaller differences" in line for line in lines)


def test_what_is_not_compared_is_said_once_a_reason_and_quiet_says_nothing() -> None:
    item = compared("image", difference("r@1", (0.5,), (0.4,), 0.05, 0.15))
    refused = (Skipped("a [1] → b", "other split"), Skipped("c", "other split"))

    assert printed(item, refused=refused)[-1] == "not compared: a [1] → b, c: other split"
    many = tuple(Skipped(f"m{n}", "why") for n in range(20))
    assert "and 8 more: why" in printed(item, refused=many)[-1]
    assert printed(item, quiet=True) == []
