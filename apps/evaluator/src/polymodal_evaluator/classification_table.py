"""The table of a classification on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymodal_eval.report.charts import figure, signed
from polymodal_eval.report.titles import metric_name
from rich.markup import escape

from polymodal_evaluator.display import bare_table, difference_interval, value_interval

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult
    from rich.table import Table

SHOWN = ("precision", "recall", "f1")


def classification_table(result: TaskResult, title: str) -> Table:
    """Lay out what was classified: accuracy, scores of classes, the gain over the best column."""
    measured = result.measurements
    majority = next(item.estimates["accuracy"].chance for item in measured)
    table = bare_table(
        f"{title}, split {result.split} (in %; the largest class alone: {figure(majority)})"
    )
    table.add_column("classified", overflow="fold")
    for name in ("accuracy", "95 % interval", *SHOWN, "queries", "gain", "95 % interval"):
        heading = metric_name(name) if name in SHOWN else name.capitalize()
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("over", overflow="fold")
    for item in measured:
        table.add_row(*_cells(item))
    return table


def _cells(item: Measurement) -> list[str]:
    accuracy = item.estimates["accuracy"]
    style = "bold" if accuracy.above_chance else "dim"
    found = [
        escape(item.query),
        f"[{style}]{figure(accuracy.value)}[/{style}]",
        value_interval(accuracy),
        *(figure(item.estimates[name].value) for name in SHOWN),
        f"{item.num_queries:,}",
    ]
    gain = item.smallest_gain
    if gain is None:
        return [*found, "", "", ""]
    style = "bold" if gain.difference.distinguishable else "dim"
    return [
        *found,
        f"[{style}]{signed(gain.difference.value)}[/{style}]",
        difference_interval(gain.difference),
        escape(gain.query),
    ]
