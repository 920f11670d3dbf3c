"""Robustness on the page: a curve over severity for each corruption of a query, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polymodal_eval.report.charts import severity_chart
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.robustness import CLEAN

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult

Curves = Mapping[str, list[tuple[float, Estimate]]]


def robustness_section(result: TaskResult) -> list[dict[str, Any]]:
    """Lay out the curves, sorted by the column that is damaged."""
    by_query: dict[str, list[dict[str, Any]]] = {}
    for (query, gallery), lines in pairs_of(result.measurements).items():
        curves = curves_of(lines)
        found = {
            "name": f"{query} → {gallery}",
            "metric": lines[0].headline,
            "clean": lines[0].estimates[lines[0].headline],
            "chart": severity_chart(
                curves, top=_top(curves), label=f"{query} to {gallery} over severity of damage"
            ),
            "rows": _rows(lines),
        }
        by_query.setdefault(query, []).append(found)
    return [
        {
            "query": query,
            "pairs": pairs,
            "severities": sorted(
                {item[0] for pair in pairs for row in pair["rows"] for item in row["cells"]}
            ),
            "corruptions": list(
                dict.fromkeys(row["name"] for pair in pairs for row in pair["rows"])
            ),
        }
        for query, pairs in by_query.items()
    ]


def pairs_of(
    measured: Sequence[Measurement],
) -> dict[tuple[str, str], list[Measurement]]:
    """Sort the lines by (query, gallery), the clean one of each pair first."""
    found: dict[tuple[str, str], list[Measurement]] = {}
    for item in measured:
        found.setdefault((item.query_columns[0], item.gallery_columns[0]), []).append(item)
    return found


def curves_of(lines: Sequence[Measurement]) -> Curves:
    """Give (severity, headline) for each corruption; every curve begins with the clean line."""
    headline = lines[0].headline
    clean = (0.0, lines[0].estimates[headline])
    found: dict[str, list[tuple[float, Estimate]]] = {}
    for item in lines:
        if item.details["corruption"] != CLEAN:
            curve = found.setdefault(item.details["corruption"], [clean])
            curve.append((item.details["severity"], item.estimates[headline]))
    return found


def _top(curves: Curves) -> float:
    ends = [
        item.value if item.high is None else item.high
        for curve in curves.values()
        for _, item in curve
    ]
    return max([0.05, *ends])


def _rows(lines: Sequence[Measurement]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for item in lines:
        name = item.details["corruption"]
        if name == CLEAN:
            continue
        row = rows.setdefault(name, {"name": name, "cells": []})
        row["cells"].append((item.details["severity"], item.estimates[item.headline]))
        row["lost"] = Estimate(**item.details["lost"])  # of the worst severity, which comes last
    return list(rows.values())
