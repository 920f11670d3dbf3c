from __future__ import annotations

import io

from polymodal_eval.results import Measurement, Skipped, TaskResult
from polymodal_eval.statistics import Estimate
from polymodal_evaluator.display import Display
from rich.console import Console


def result(*, name: str = "image") -> TaskResult:
    measured = Measurement(
        name,
        "text",
        "r@1",
        {"r@1": Estimate(0.1234, 0.1, 0.15, 0.002), "r@5": Estimate(0.5), "map": Estimate(0.3)},
        num_queries=1500,
    )
    return TaskResult("retrieval", "test", (measured,), (Skipped("a → b", "no [right] answer"),))


def printed(*, quiet: bool = False, width: int = 80, name: str = "image") -> str:
    buffer = io.StringIO()
    display = Display(quiet=quiet, console=Console(file=buffer, width=width))
    display.results([result(name=name)])
    return buffer.getvalue()


def test_a_table_holds_value_interval_chance_and_queries() -> None:
    line = next(line for line in printed().splitlines() if "image → text" in line)

    assert line.split() == [
        "image",
        "→",
        "text",
        "12.3",
        "10.0",
        "–",
        "15.0",
        "50.0",
        "0.20",
        "1,500",
    ]


def test_what_was_skipped_is_said_with_its_reason() -> None:
    assert "not measured: a → b: no [right] answer" in printed()


def test_quiet_prints_no_table() -> None:
    assert printed(quiet=True) == ""


def test_figures_are_never_cut_by_a_long_name() -> None:
    text = printed(name="a_column_with_a_name_that_is_longer_than_anybody_should_give_to_a_column")

    assert "10.0 – 15.0" in text
    assert "1,500" in text
