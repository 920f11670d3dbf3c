"""What a person sees: a bar while items are embedded, then tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polymodal_eval.report.charts import figure, signed
from polymodal_eval.report.robustness import curves_of, losses_of, pairs_of
from polymodal_eval.report.titles import metric_name, task_title
from polymodal_eval.results import verdict
from polymodal_eval.statistics import Estimate
from polymodal_eval.trained_pairs import Pairs, by_origin
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult

PLAIN_WIDTH = 110
"""Characters a line may have where there is no terminal to limit it."""

UNSURE = "n.d."
"""Marks a difference whose interval holds 0."""
UNSURE_NOTE = f"{UNSURE}: not distinguishable, the interval holds 0"
P_NOTE = "p: two-sided, of the bootstrap that the interval is of; not corrected for number"

EXTRA = (
    *("r@5", "r@10", "t1", "top5", "yes/no", "number", "other", "usual"),
    *("pixel_accuracy", "class_accuracy"),
)
"""Metrics that have a column of their own beside the headline."""


FIRST_GAINS, LAST_GAINS = 10, 4
"""Combinations that the terminal shows of many: the largest gains, and the largest losses."""


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

    def working(self, what: str) -> None:
        """Say what is being computed, where somebody waits before a terminal."""
        if self.console.is_terminal:
            self.show(f"{what} …")

    def results(self, results: Sequence[TaskResult], trained: Pairs | None = None) -> None:
        """Print a table per task, and what was left out; `trained` pairs apart from the others."""
        if self.quiet:
            return
        for result in results:
            title = task_title(result.task)
            if result.measurements:
                self.console.print()
                if result.task == "enrichment":
                    self.console.print(enrichment_table(result, title))
                elif result.task == "robustness":
                    self.console.print(robustness_table(result, title))
                elif result.task == "classification":
                    from polymodal_evaluator.classification_table import classification_table

                    self.console.print(classification_table(result, title))
                else:
                    self.console.print(results_table(result, title, trained))
                    for line in template_lines(result):
                        self.console.print(line, soft_wrap=True)
            for item in result.skipped:
                what = title if item.what == result.task else item.what
                self.console.print(
                    f"[dim]not measured: {escape(what)}: {escape(item.reason)}[/dim]",
                    soft_wrap=True,
                )


def results_table(result: TaskResult, title: str, trained: Pairs | None = None) -> Table:
    """Lay out a task's measurements: headline with interval, chance, number of queries."""
    headline = result.measurements[0].headline
    extra = [
        name
        for name in EXTRA
        if name != headline and any(name in item.estimates for item in result.measurements)
    ]
    table = bare_table(f"{title}, split {result.split} (in %)")
    table.add_column("query → gallery", overflow="fold")
    table.add_column(metric_name(headline), justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for name in (*map(metric_name, extra), "chance", "queries"):
        table.add_column(name, justify="right", no_wrap=True)
    for heading, items in by_origin(result.measurements, trained):
        if heading:
            mean = sum(item.estimates[item.headline].value for item in items) / len(items)
            table.add_row(f"[italic]{heading}[/italic]", f"[italic]{figure(mean)}[/italic]", "mean")
        for item in items:
            table.add_row(*_cells(item, extra))
        table.add_section()
    return table


def template_lines(result: TaskResult) -> Iterator[str]:
    """Say what an ensemble of templates has more than a single one, input by input."""
    for item in result.measurements:
        found = item.details.get("templates")
        if found is None:
            continue
        first, mean = found["single"][0], found["mean"]
        against = ((f"“{escape(first['template'])}” alone", first), ("their mean alone", mean))
        parts = []
        for name, row in against:
            more = Estimate(*(row["difference"][key] for key in ("value", "low", "high")))
            parts.append(f"{signed(more.value)} ({difference_interval(more)}) over {name}")
        yield f"{escape(item.name)}: {len(found['single'])} templates together {', '.join(parts)}"


def enrichment_table(result: TaskResult, title: str) -> Table:
    """Lay out the largest gains and losses against the best of a combination's single columns."""
    gains = [(item, item.smallest_gain) for item in result.measurements]
    enriched = [(item, gain) for item, gain in gains if gain is not None]
    verdicts = [verdict(item) for item, _ in enriched]
    enriched.sort(key=lambda pair: -pair[1].difference.value)
    shown = enriched
    if len(enriched) > FIRST_GAINS + LAST_GAINS:
        shown = [*enriched[:FIRST_GAINS], *enriched[-LAST_GAINS:]]
    table = bare_table(
        f"{title}, split {result.split} (in %): {verdicts.count('better')} of {len(enriched)} "
        f"combinations beat the best of their single columns, {verdicts.count('worse')} are worse"
    )
    table.add_column("query → gallery", overflow="fold")
    headline = metric_name(result.measurements[0].headline)
    table.add_column(headline, justify="right", no_wrap=True)
    table.add_column("best single", overflow="fold")
    for name in (headline, "gain", "95 % interval", "queries"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, (item, gain) in enumerate(shown):
        if len(shown) < len(enriched) and number == FIRST_GAINS:
            table.add_row(f"[dim]… {len(enriched) - len(shown)} more in the report …[/dim]")
        style = "bold" if gain.difference.distinguishable else "dim"
        table.add_row(
            escape(item.name),
            figure(item.estimates[item.headline].value),
            f"{gain.query} → {gain.gallery}",
            figure(gain.value),
            f"[{style}]{signed(gain.difference.value)}[/{style}]",
            difference_interval(gain.difference),
            f"{item.num_queries:,}",
        )
    return table


def robustness_table(result: TaskResult, title: str) -> Table:
    """Lay out each pair and corruption by severity, and what is lost at the last one."""
    headline = metric_name(result.measurements[0].headline)
    table = bare_table(
        f"{title}, split {result.split} ({headline} in %, by severity of the damage, or by the "
        f"share of a column that is gone)"
    )
    for name in ("query → gallery", "damage"):
        table.add_column(name, overflow="fold")
    pairs = pairs_of(result.measurements)
    severities = sorted({item.details["severity"] for item in result.measurements})
    for name in (*(f"{severity:g}" for severity in severities), "lost", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for (query, gallery), lines in pairs.items():
        losses = losses_of(lines)
        for name, curve in curves_of(lines).items():
            lost = losses[name]
            values = {severity: figure(estimate.value) for severity, estimate in curve}
            style = "bold" if lost.distinguishable else "dim"
            table.add_row(
                escape(f"{query} → {gallery}"),
                escape(name),
                *(values.get(severity, "") for severity in severities),
                f"[{style}]{signed(lost.value)}[/{style}]",
                difference_interval(lost),
            )
        table.add_section()
    return table


def bare_table(title: str) -> Table:
    """Start a table with its title above it."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )


def difference_interval(difference: Estimate) -> str:
    """Write the interval of a difference in percentage points."""
    if difference.low is None or difference.high is None:
        return "–"
    return f"{signed(difference.low)} to {signed(difference.high)}"


def _cells(item: Measurement, extra: Sequence[str]) -> list[str]:
    estimate = item.estimates[item.headline]
    # What is not distinguishable from chance is not printed as if it were a success.
    style = "bold" if estimate.above_chance else "dim"
    return [
        escape(item.name),
        f"[{style}]{figure(estimate.value)}[/{style}]",
        value_interval(estimate),
        *(figure(item.estimates[name].value) if name in item.estimates else "" for name in extra),
        figure(estimate.chance),
        f"{item.num_queries:,}",
    ]


def value_interval(estimate: Estimate) -> str:
    """Write the interval of a value in per cent."""
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{figure(estimate.low)} – {figure(estimate.high)}"
