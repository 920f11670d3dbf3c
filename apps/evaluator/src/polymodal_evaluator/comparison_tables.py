"""The tables of a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_eval.report.charts import figure, signed
from polymodal_eval.report.titles import metric_name, task_title
from rich.markup import escape

from polymodal_evaluator.display import (
    P_NOTE,
    UNSURE,
    UNSURE_NOTE,
    bare_table,
    difference_interval,
)

if TYPE_CHECKING:
    from polymodal_eval.comparison.compare import Compared, Comparison, MeanDifference
    from polymodal_eval.comparison.differences import Difference
    from polymodal_eval.comparison.reports import Report
    from polymodal_eval.statistics import Estimate, PairedEstimate
    from rich.table import Table

    from polymodal_evaluator.display import Display

MOST_REFUSED = 12
MOST_LINES = 24


def show_comparison(display: Display, found: Comparison, *, metric: str | None = None) -> None:
    """Print who is compared, a table per task, and what is not compared and why."""
    if display.quiet:
        return
    display.say(f"first:  {_named(found.first)}\nsecond: {_named(found.second)}")
    if len(found.first) + len(found.second) > 2:
        display.say(
            "runs of a side are averaged query by query; intervals are over queries, not over runs"
        )
    shown = False
    tasks: dict[tuple[str, str], list[Compared]] = {}
    for item in found.compared:
        tasks.setdefault((item.line.task, item.line.split), []).append(item)
    for (task, split), items in tasks.items():
        chosen = [(item, part) for item in items if (part := _chosen(item, metric)) is not None]
        if not chosen:
            continue
        shown = True
        means = [
            item
            for item in found.means
            if (item.task, item.split) == (task, split) and item.metric == chosen[0][1].metric
        ]
        display.console.print()
        display.console.print(comparison_table(task, split, chosen, means))
    if shown:
        display.console.print(f"[dim]{UNSURE_NOTE}; {P_NOTE}[/dim]", soft_wrap=True)
    _refused(display, found)


def comparison_table(
    task: str,
    split: str,
    chosen: Sequence[tuple[Compared, Difference]],
    means: Sequence[MeanDifference] = (),
) -> Table:
    """Lay out the differences of a metric: both values, the difference, interval, p and verdict.

    Of very many lines, those that can be told apart come first and the rest is left to the file.
    """
    metric = chosen[0][1].metric
    name = metric_name(metric)
    unit = "" if metric == "median_rank" else " (in %)"
    table = bare_table(f"{task_title(task)}, split {split}: {name}{unit}, first less second")
    table.add_column("query → gallery", overflow="fold")
    for title in ("first", "second", "difference", "95 % interval", "p", "shared queries"):
        table.add_column(title, justify="right", no_wrap=title != "shared queries")
    table.add_column("", no_wrap=True)
    shown = list(chosen)
    if len(shown) > MOST_LINES:
        shown.sort(key=lambda pair: -abs(pair[1].difference.value))
        shown = shown[:MOST_LINES]
    for item, part in shown:
        label = f"{item.line.content['query']} → {item.line.content['gallery']}"
        shared = f"{item.shared:,}"
        if any(number != item.shared for number in item.num_queries):
            shared += f" of {max(item.num_queries):,}"
        table.add_row(
            escape(label),
            _value(metric, part.first),
            _value(metric, part.second),
            *_difference(metric, part.difference),
            shared,
            verdict(part.difference),
        )
    if len(shown) < len(chosen):
        table.add_row(
            f"[dim]… {len(chosen) - len(shown)} smaller differences; --out writes all[/dim]"
        )
    for mean in means:
        table.add_section()
        table.add_row(
            f"mean of {mean.measurements}",
            _value(metric, (mean.first,)),
            _value(metric, (mean.second,)),
            *_difference(metric, mean.difference),
            "",
            verdict(mean.difference),
        )
    return table


def verdict(difference: Estimate) -> str:
    """Say which side is ahead, or that the interval holds 0."""
    if difference.distinguishable is None:
        return "[dim]no interval[/dim]"
    return "" if difference.distinguishable else f"[dim]{UNSURE}[/dim]"


def _chosen(item: Compared, metric: str | None) -> Difference | None:
    if metric is None:
        return item.headline
    return next((part for part in item.differences if part.metric == metric), None)


def _value(metric: str, runs: Sequence[float]) -> str:
    mean = sum(runs) / len(runs)
    write = (lambda value: f"{value:.1f}") if metric == "median_rank" else figure
    if len(runs) == 1:
        return write(mean)
    return f"{write(mean)} [dim]({write(min(runs))} – {write(max(runs))})[/dim]"


def _difference(metric: str, difference: PairedEstimate) -> tuple[str, str, str]:
    style = "bold" if difference.distinguishable else "dim"
    p_value = "–" if difference.p_value is None else f"{difference.p_value:.3f}"
    if metric != "median_rank":
        value, interval = signed(difference.value), difference_interval(difference)
    else:
        value, interval = f"{difference.value:+.1f}", "–"
        if difference.low is not None and difference.high is not None:
            interval = f"{difference.low:+.1f} to {difference.high:+.1f}"
    return f"[{style}]{value}[/{style}]", interval, p_value


def _named(reports: Sequence[Report]) -> str:
    names = [f"{report.folder} ({report.content['run'].get('checkpoint')})" for report in reports]
    return ", ".join(names)


def _refused(display: Display, found: Comparison) -> None:
    reasons: dict[str, list[str]] = {}
    for item in found.refused:
        reasons.setdefault(item.reason, []).append(item.what)
    for reason, names in reasons.items():
        more = f" and {len(names) - MOST_REFUSED} more" if len(names) > MOST_REFUSED else ""
        what = f"{', '.join(names[:MOST_REFUSED])}{more}"
        display.console.print(
            f"[dim]not compared: {escape(what)}: {escape(reason)}[/dim]", soft_wrap=True
        )
