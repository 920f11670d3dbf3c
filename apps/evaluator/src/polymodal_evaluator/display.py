"""What a person sees: a bar while items are embedded, then tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polymodal_eval.report.charts import figure
from polymodal_eval.report.page import TITLES, metric_name
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.statistics import Estimate

PLAIN_WIDTH = 110
"""Characters a line may have where there is no terminal to limit it."""

EXTRA = ("r@5", "r@10", "t1", "top5")
"""Metrics that have a column of their own beside the headline."""


class Display:
    """Shows an evaluation on standard output; `quiet` leaves warnings and the last words."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        """Choose a bar or nothing by what standard output is."""
        self.console = Console(highlight=False) if console is None else console
        if not self.console.is_terminal:
            self.console.width = max(self.console.width, PLAIN_WIDTH)
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Print last words, quiet or not."""
        self.console.print(escape(text), soft_wrap=True)

    def show(self, text: str) -> None:
        """Print something worth knowing, unless quiet."""
        if not self.quiet:
            self.say(text)

    def warn(self, text: str) -> None:
        """Print a warning, quiet or not."""
        self.console.print(f"[yellow]warning:[/yellow] {escape(text)}", soft_wrap=True)

    @contextmanager
    def bar(self, title: str, items: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while the block runs; gives what advances it."""
        live = self.console.is_terminal and not self.quiet
        if not live:
            self.show(f"{title}: {items:,} items")
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not live,
        ) as progress:
            task = progress.add_task(title, total=items)
            yield lambda count: progress.advance(task, count)

    def results(self, results: Sequence[TaskResult]) -> None:
        """Print a table per task, and what was left out."""
        if self.quiet:
            return
        for result in results:
            title = TITLES.get(result.task, result.task)
            if result.measurements:
                self.console.print()
                self.console.print(results_table(result, title))
            for item in result.skipped:
                what = title if item.what == result.task else item.what
                self.console.print(
                    f"[dim]not measured: {escape(what)}: {escape(item.reason)}[/dim]",
                    soft_wrap=True,
                )


def results_table(result: TaskResult, title: str) -> Table:
    """Lay out a task's measurements: headline with interval, chance, number of queries."""
    headline = result.measurements[0].headline
    extra = [
        name
        for name in EXTRA
        if name != headline and any(name in item.estimates for item in result.measurements)
    ]
    table = Table(
        title=f"{title}, split {result.split} (in %)",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("query → gallery", overflow="fold")
    table.add_column(metric_name(headline), justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for name in (*map(metric_name, extra), "chance", "queries"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in result.measurements:
        table.add_row(*_cells(item, extra))
    return table


def _cells(item: Measurement, extra: Sequence[str]) -> list[str]:
    estimate = item.estimates[item.headline]
    # What is not distinguishable from chance is not printed as if it were a success.
    style = "bold" if estimate.above_chance else "dim"
    return [
        escape(item.name),
        f"[{style}]{figure(estimate.value)}[/{style}]",
        _interval(estimate),
        *(figure(item.estimates[name].value) if name in item.estimates else "" for name in extra),
        figure(estimate.chance),
        f"{item.num_queries:,}",
    ]


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{figure(estimate.low)} – {figure(estimate.high)}"
