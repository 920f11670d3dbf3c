"""Charts as inline SVG: they follow the page's colours, need no script, and stay sharp."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from polymodal_eval.report.projection import Projection
    from polymodal_eval.report.training import Line
    from polymodal_eval.statistics import Estimate

MANY_CLASSES = 40
"""Above, a table of confusions gets small cells."""
LONGEST_NAME = 56
"""Characters of a class name that a chart shows."""

PALETTE = 8
"""Number of colours `--c0` ... that the style sheet defines for columns and classes."""


DODGE = 4
"""Pixels between the points of two curves at one severity."""


def figure(value: float | None) -> str:
    """Write a share in percent without the sign, for tables and intervals."""
    return percent(value).removesuffix("\u202f%")


def percent(value: float | None) -> str:
    """Write a share as a percentage, with two figures where it is below 1 %."""
    if value is None or not math.isfinite(value):
        return "–"
    hundredfold = 100 * value
    digits = 1 if hundredfold >= 1 or hundredfold == 0 else 2
    return f"{hundredfold:.{digits}f}\u202f%"


def signed(value: float | None) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    if value is None or not math.isfinite(value):
        return "–"
    points = round(100 * value, 1)
    return f"{'−' if points < 0 else '+' if points > 0 else '±'}{abs(points):.1f}"


def interval_bar(estimate: Estimate, *, top: float) -> Markup:
    """Draw a value with its interval and its chance on a scale from 0 to `top`."""
    parts = ['<line class="scale" x1="0" y1="9" x2="200" y2="9"/>']
    scale = 200 / top if top > 0 else 0.0
    if estimate.low is not None and estimate.high is not None:
        left, right = estimate.low * scale, estimate.high * scale
        parts.append(f'<line class="range" x1="{left:.1f}" y1="9" x2="{right:.1f}" y2="9"/>')
    if estimate.chance is not None:
        at = min(estimate.chance * scale, 200.0)
        parts.append(f'<line class="chance" x1="{at:.1f}" y1="2" x2="{at:.1f}" y2="16"/>')
    parts.append(f'<circle class="value" cx="{estimate.value * scale:.1f}" cy="9" r="4"/>')
    return Markup(
        '<svg class="bar" viewBox="-5 0 210 18" role="img" aria-label="{}">{}</svg>'
    ).format(f"{percent(estimate.value)}, chance {percent(estimate.chance)}", _joined(parts))


@dataclass(frozen=True)
class _Frame:
    """The place of a line chart's axes: from step 0 to `right`, from `low` to `high`."""

    right: float
    low: float
    high: float
    left: int = 52
    top: int = 12
    width: int = 460
    height: int = 190

    def at(self, x: float, y: float) -> tuple[float, float]:
        share = (y - self.low) / ((self.high - self.low) or 1.0)
        return self.left + self.width * x / self.right, self.top + self.height * (1 - share)


def line_chart(
    lines: Mapping[str, Line],
    *,
    main: str | None,
    label: str,
    shares: bool = False,
    from_zero: bool = False,
    mark: tuple[float, float] | None = None,
) -> Markup:
    """Draw lines of (step, value); the one named `main` stands out, `mark` gets a ring.

    Without `main`, each line has a colour of its own. `shares` scales from 0 and writes
    percentages; `from_zero` scales from 0 too.
    """
    points = [point for line in lines.values() for point in line]
    if not points:
        return Markup("")
    values = [y for _, y in points]
    ticks = nice_ticks(0.0 if shares or from_zero else min(values), max(values))
    frame = _Frame(max(x for x, _ in points) or 1.0, ticks[0], ticks[-1])
    parts = _axes(frame, ticks, shares=shares)
    colours = {name: f"curve s{number % PALETTE}" for number, name in enumerate(lines)}
    for name, line in sorted(lines.items(), key=lambda item: item[0] == main):
        if line:
            path = " ".join("{:.1f},{:.1f}".format(*frame.at(x, y)) for x, y in line)
            kind = colours[name] if main is None else "main" if name == main else "faint"
            parts.append(
                f'<polyline class="{kind}" points="{path}"><title>{escape(name)}</title></polyline>'
            )
    if mark is not None:
        x, y = frame.at(*mark)
        parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>')
    return Markup(
        '<svg class="chart" viewBox="0 0 524 232" role="img" aria-label="{}">{}</svg>'
    ).format(label, _joined(parts))


def severity_chart(
    curves: Mapping[str, Sequence[tuple[float, Estimate]]],
    *,
    top: float,
    label: str,
    names: Sequence[str] = (),
    percent_across: bool = False,
) -> Markup:
    """Draw a share over severity in 0..1 for each corruption, with intervals, from 0 to `top`.

    The dashed line is chance, where it is known. Charts that are given the same `names` of curves
    have the same colours for them. `percent_across` writes severities as percentages.
    """
    ticks = nice_ticks(0.0, top)
    frame = _Frame(1.0, ticks[0], ticks[-1])
    parts = _axes(frame, ticks, shares=True, percent_across=percent_across)
    estimates = [estimate for curve in curves.values() for _, estimate in curve]
    chance = next((item.chance for item in estimates if item.chance is not None), None)
    if chance is not None:
        (left, y), (right, _) = frame.at(0, chance), frame.at(1, chance)
        ends = f'x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"'
        parts.append(f'<line class="level" {ends}><title>chance {percent(chance)}</title></line>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = (names.index(name) if name in names else number) % PALETTE
        aside = DODGE * (number - (len(curves) - 1) / 2)  # intervals at one severity stay apart
        places = [
            (x + aside, y)
            for x, y in (frame.at(severity, estimate.value) for severity, estimate in curve)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="curve s{colour}" points="{path}"/>')
        for (severity, estimate), (x, y) in zip(curve, places, strict=True):
            title = f"{name} {severity:g}: {percent(estimate.value)}"
            if estimate.low is not None and estimate.high is not None:
                low, high = (frame.at(severity, end)[1] for end in (estimate.low, estimate.high))
                ends = f'x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"'
                parts.append(f'<line class="spread s{colour}" {ends}/>')
                title += f", 95 % interval {percent(estimate.low)} to {percent(estimate.high)}"
            place = f'cx="{x:.1f}" cy="{y:.1f}" r="3.4"'
            parts.append(
                f'<circle class="g{colour}" {place}><title>{escape(title)}</title></circle>'
            )
    return Markup(
        '<svg class="chart" viewBox="0 0 524 232" role="img" aria-label="{}">{}</svg>'
    ).format(label, _joined(parts))


def _axes(
    frame: _Frame, ticks: Sequence[float], *, shares: bool, percent_across: bool = False
) -> list[str]:
    parts = []
    for tick in ticks:
        _, y = frame.at(0, tick)
        text = f"{100 * tick:g}\u202f%" if shares else f"{tick:g}"
        ends = f'x1="{frame.left}" y1="{y:.1f}" x2="{frame.left + frame.width}" y2="{y:.1f}"'
        parts.append(f'<line class="grid" {ends}/>')
        place = f'x="{frame.left - 8}" y="{y + 4:.1f}" text-anchor="end"'
        parts.append(f'<text class="tick" {place}>{text}</text>')
    for tick in nice_ticks(0, frame.right):
        if tick <= frame.right:
            x, _ = frame.at(tick, frame.low)
            anchor = "end" if percent_across and tick == frame.right else "middle"
            place = f'x="{x:.1f}" y="{frame.top + frame.height + 20}" text-anchor="{anchor}"'
            text = f"{tick:,.0f}" if tick == round(tick) else f"{tick:g}"
            text = f"{100 * tick:g}\u202f%" if percent_across else text
            parts.append(f'<text class="tick" {place}>{text}</text>')
    return parts


def scatter(
    projection: Projection,
    groups: Sequence[int],
    *,
    label: str,
    rows: Sequence[Sequence[int]] = (),
) -> Markup:
    """Draw the projected items; `groups` [items] number their colours, -1 is grey.

    The items of each of `rows` are joined by lines.
    """
    size, margin = 480, 8
    room = size - 2 * margin
    places = [(margin + room * x, margin + room * (1 - y)) for x, y in projection.points]
    lines: list[str] = []
    grey: list[str] = []
    coloured: list[str] = []
    for row in rows:
        corners = " ".join("{:.1f},{:.1f}".format(*places[number]) for number in row)
        lines.append(f'<polygon class="joined" points="{corners}"/>')
    for group, (x, y) in zip(groups, places, strict=True):
        kind = f"g{group % PALETTE}" if group >= 0 else "none"
        (coloured if group >= 0 else grey).append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        )
    parts = [*grey, *lines, *coloured]  # grey first, so that it hides nothing
    return Markup(
        '<svg class="scatter" viewBox="0 0 {0} {0}" role="img" aria-label="{1}">{2}</svg>'
    ).format(size, label, _joined(parts))


def confusion_chart(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Draw a table of confusions: rows are the true classes, shaded by share of the row.

    Of many classes every tenth is named, and pairs that never occur are left blank.
    """
    size = len(names)
    if size > MANY_CLASSES:
        return _many_confusions(names, counts)
    longest = max(len(name) for name in names)
    cell, left, top = 18, 6.2 * min(longest, LONGEST_NAME) + 34, 20
    parts = []
    for row, name in enumerate(names):
        total = sum(counts[row])
        y = top + row * cell
        short = shortened(name)
        parts.append(
            f'<text class="tick" x="{left - 8:.0f}" y="{y + 13}" text-anchor="end">{escape(short)} '
            f'<tspan class="number">{row + 1}</tspan></text>'
        )
        parts.append(
            f'<text class="tick" x="{left + row * cell + cell / 2:.0f}" y="{top - 6}" '
            f'text-anchor="middle">{row + 1}</text>'
        )
        for column, count in enumerate(counts[row]):
            share = count / total if total else 0.0
            kind = "right" if row == column else "wrong"
            title = f"{name} taken for {names[column]}: {count} of {total}"
            parts.append(
                f'<rect class="{kind if count else "zero"}" x="{left + column * cell:.0f}" y="{y}" '
                f'width="{cell - 2}" height="{cell - 2}" rx="2" '
                f'fill-opacity="{max(share, 0.08) if count else 1:.2f}">'
                f"<title>{escape(title)}</title></rect>"
            )
    width, height = round(left) + size * cell, top + size * cell
    return Markup(
        '<svg class="confusion" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="table of confusions">{2}</svg>'
    ).format(width, height, _joined(parts))


def _many_confusions(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    size, cell = len(names), 7
    longest = max(len(name) for name in names)
    left, top = 6.2 * min(longest, LONGEST_NAME) + 34, 20
    side = size * cell
    parts = [f'<rect class="zero" x="{left:.0f}" y="{top}" width="{side}" height="{side}" rx="2"/>']
    for row, name in enumerate(names):
        total = sum(counts[row])
        y = top + row * cell
        if row % 10 == 0:
            parts.append(
                f'<text class="tick" x="{left - 8:.0f}" y="{y + 7}" text-anchor="end">'
                f'{escape(shortened(name))} <tspan class="number">{row + 1}</tspan></text>'
                f'<text class="tick" x="{left + row * cell + cell / 2:.0f}" y="{top - 6}" '
                f'text-anchor="middle">{row + 1}</text>'
            )
        for column, count in enumerate(counts[row]):
            if count:
                title = f"{name} taken for {names[column]}: {count} of {total}"
                parts.append(
                    f'<rect class="{"right" if row == column else "wrong"}" '
                    f'x="{left + column * cell:.0f}" y="{y}" width="{cell - 1}" '
                    f'height="{cell - 1}" fill-opacity="{max(count / total, 0.08):.2f}">'
                    f"<title>{escape(title)}</title></rect>"
                )
    width, height = round(left) + side, top + side
    return Markup(
        '<svg class="confusion" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="table of confusions">{2}</svg>'
    ).format(width, height, _joined(parts))


def shortened(name: str) -> str:
    """Cut a long name, with an ellipsis, to `LONGEST_NAME` characters."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def nice_ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Give round numbers that cover the way from `low` to `high`."""
    span = high - low
    if span <= 0:
        return [low, low + 1.0]
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _joined(parts: Sequence[Any]) -> Markup:
    # Made of numbers above, and of names that were escaped there.
    return Markup("".join(parts))
