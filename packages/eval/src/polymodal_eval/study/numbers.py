"""How the numbers of a study are written, on the terminal and on the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polymodal_eval.report.charts import figure, signed

if TYPE_CHECKING:
    from polymodal_eval.study.fill import Filled


def number(cell: Filled) -> str:
    """Write a cell's value: `67.9`, a difference with its sign, `–` where there is none."""
    return "–" if cell.estimate is None else write(cell, cell.estimate.value)


def interval(cell: Filled) -> str:
    """Write the 95 % interval; empty where there is none."""
    estimate = cell.estimate
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    between = " to " if cell.signed else " – "
    return f"{write(cell, estimate.low)}{between}{write(cell, estimate.high)}"


def p_value(cell: Filled) -> str:
    """Write the p-value of a paired difference, `p = 0.012`; empty where there is none."""
    found = getattr(cell.estimate, "p_value", None)
    return "" if found is None else f"p = {found:.3f}"


def spread(cell: Filled) -> str:
    """Write the range over the runs that are averaged; empty for a single run."""
    values = list((cell.runs or {}).values())
    if len(values) < 2:
        return ""
    between = " to " if cell.signed else " – "
    return f"{write(cell, min(values))}{between}{write(cell, max(values))}"


def write(cell: Filled, value: float) -> str:
    """Write a number in the cell's unit: percent, points, percent of change, or a rank."""
    if cell.relative:
        return f"{signed(value)}\u202f%" if math.isfinite(value) else "–"
    if cell.metric == "median_rank":
        return f"{value:+.1f}" if cell.signed else f"{value:.1f}"
    return signed(value) if cell.signed else figure(value)


def printed(value: float | None) -> str:
    """Write a paper's number as it is printed."""
    return "–" if value is None else f"{value:.1f}".replace("-", "−")
