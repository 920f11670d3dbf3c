"""A table of a study as bars: a group per column, a bar per row, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from polymodal_eval.report.charts import PALETTE, nice_ticks
from polymodal_eval.study.fill import Filled, FilledTable
from polymodal_eval.study.numbers import interval, number

HEIGHT = 220
LEFT, TOP, BOTTOM = 52, 14, 34
BAR, GAP = 22, 26


@dataclass(frozen=True)
class Bar:
    """A bar of a group: its value and interval, the number of its colour, and what it says."""

    value: float
    low: float | None
    high: float | None
    colour: int
    title: str


def bars_of(table: FilledTable) -> Markup:
    """Draw a table; cells without a number leave a gap, empty columns are left out."""
    groups = []
    for place, column in enumerate(table.layout.columns):
        bars = [
            _bar(row.cells[place], colour, f"{row.name}, {column}")
            for colour, row in enumerate(table.rows)
        ]
        if any(bar is not None for bar in bars):
            groups.append((column, bars))
    cells = [cell for row in table.rows for cell in row.cells if cell is not None]
    percent = any(cell.metric != "median_rank" for cell in cells)
    return bar_chart(groups, label=table.layout.config.title, percent=percent)


def bar_chart(
    groups: Sequence[tuple[str, Sequence[Bar | None]]], *, label: str, percent: bool = True
) -> Markup:
    """Draw groups of bars on one axis that holds 0 and all intervals."""
    bars = [bar for _, group in groups for bar in group if bar is not None]
    if not bars:
        return Markup("")
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high) if end is not None]
    ticks = nice_ticks(min(0.0, *ends), max(0.0, *ends))
    low, high = ticks[0], ticks[-1]

    def height(value: float) -> float:
        return TOP + HEIGHT * (1 - (value - low) / (high - low))

    width = LEFT + sum(GAP + BAR * len(group) for _, group in groups) + GAP
    parts = []
    for tick in ticks:
        y = height(tick)
        text = f"{100 * tick:g}\u202f%" if percent else f"{tick:g}"
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{width}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
        )
    x = LEFT + GAP / 2
    for name, group in groups:
        middle = x + BAR * len(group) / 2
        place = f'x="{middle:.1f}" y="{TOP + HEIGHT + 22}" text-anchor="middle"'
        parts.append(f'<text class="tick" {place}>{escape(name)}</text>')
        for bar in group:
            if bar is not None:
                parts += _drawn(bar, x, height)
            x += BAR
        x += GAP
    size = TOP + HEIGHT + BOTTOM
    return Markup(
        '<svg class="bars-chart" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(round(width), size, label, Markup("".join(parts)))


def _drawn(bar: Bar, x: float, at: Callable[[float], float]) -> list[str]:
    top, bottom = sorted((at(bar.value), at(0.0)))
    middle = x + BAR / 2 - 1
    parts = [
        f"<g><title>{escape(bar.title)}</title>"
        f'<rect class="g{bar.colour % PALETTE}" x="{x + 1:.1f}" y="{top:.1f}" width="{BAR - 4}" '
        f'height="{max(bottom - top, 0.5):.1f}" rx="2"/>'
    ]
    if bar.low is not None and bar.high is not None:
        parts.append(
            f'<line class="whisker" x1="{middle:.1f}" y1="{at(bar.low):.1f}" '
            f'x2="{middle:.1f}" y2="{at(bar.high):.1f}"/>'
        )
    return [*parts, "</g>"]


def _bar(cell: Filled | None, colour: int, name: str) -> Bar | None:
    if cell is None or cell.estimate is None:
        return None
    estimate = cell.estimate
    title = f"{name}: {number(cell)}"
    if interval(cell):
        title += f", 95 % interval {interval(cell)}"
    return Bar(estimate.value, estimate.low, estimate.high, colour, title)
