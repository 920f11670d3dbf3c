"""Robustness on the page: curves over severity, or over the share of a column that is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polymodal_eval.entries import joined
from polymodal_eval.report.charts import severity_chart
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.robustness import CLEAN, REMOVED

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult

Curves = Mapping[str, list[tuple[float, Estimate]]]


def robustness_section(result: TaskResult) -> list[dict[str, Any]]:
    """Lay out the curves of damage, sorted by the column that is damaged."""
    groups: dict[str, list[tuple[str, str, list[Measurement]]]] = {}
    for (query, gallery), lines in pairs_of(result.measurements).items():
        for column in lines[0].query_columns:
            damaged = [
                item
                for item in lines[1:]
                if item.details["corruption"] != REMOVED
                and item.details.get("column", column) == column
            ]
            if damaged:
                groups.setdefault(column, []).append((query, gallery, [lines[0], *damaged]))
    found = []
    for column, pairs in groups.items():
        every = [_corruption(item) for _, _, lines in pairs for item in lines[1:]]
        names = list(dict.fromkeys(every))
        laid_out = [
            _pair(
                query,
                gallery,
                lines,
                label=f"{query} to {gallery} over severity of damage to {column}",
                names=names,
                name_of=_corruption,
            )
            for query, gallery, lines in pairs
        ]
        found.append(_group(column, laid_out, names))
    return found


def removal_section(result: TaskResult) -> dict[str, Any] | None:
    """Lay out the curves of removal, each column in one colour; None where there are none."""
    found = []
    pairs = {
        sides: [item for item in lines if item.details["corruption"] in (CLEAN, REMOVED)]
        for sides, lines in pairs_of(result.measurements).items()
    }
    names = list(
        dict.fromkeys(
            damage_of(item) for lines in pairs.values() for item in lines if "lost" in item.details
        )
    )
    for (query, gallery), lines in pairs.items():
        if len(lines) > 1:
            label = f"{query} to {gallery} over the share of a column that is gone"
            found.append(_pair(query, gallery, lines, label=label, names=names, shares=True))
    return _group("", found, names) if found else None


def pairs_of(
    measured: Sequence[Measurement],
) -> dict[tuple[str, str], list[Measurement]]:
    """Sort the lines by (query, gallery), the clean one of each pair first."""
    found: dict[tuple[str, str], list[Measurement]] = {}
    for item in measured:
        sides = (joined(item.query_columns), joined(item.gallery_columns))
        found.setdefault(sides, []).append(item)
    return found


def damage_of(item: Measurement) -> str:
    """Name what was done to a line's queries: `blur`, `depth noise` of several, `without depth`."""
    column, name = item.details.get("column", ""), item.details["corruption"]
    if name == REMOVED:
        return f"without {column}"
    return f"{column} {name}" if len(item.query_columns) > 1 else str(name)


def curves_of(
    lines: Sequence[Measurement], name_of: Callable[[Measurement], str] = damage_of
) -> Curves:
    """Give (severity, headline) for each kind of damage; every curve begins with the clean line."""
    headline = lines[0].headline
    clean = (0.0, lines[0].estimates[headline])
    found: dict[str, list[tuple[float, Estimate]]] = {}
    for item in lines:
        if item.details["corruption"] != CLEAN:
            curve = found.setdefault(name_of(item), [clean])
            curve.append((item.details["severity"], item.estimates[headline]))
    return found


def losses_of(
    lines: Sequence[Measurement], name_of: Callable[[Measurement], str] = damage_of
) -> dict[str, Estimate]:
    """Give what each kind of damage loses at its worst, which comes last."""
    return {
        name_of(item): Estimate(**item.details["lost"])
        for item in lines
        if item.details["corruption"] != CLEAN
    }


def _corruption(item: Measurement) -> str:
    return str(item.details["corruption"])


def _pair(
    query: str,
    gallery: str,
    lines: Sequence[Measurement],
    *,
    label: str,
    names: Sequence[str] = (),
    shares: bool = False,
    name_of: Callable[[Measurement], str] = damage_of,
) -> dict[str, Any]:
    curves, losses = curves_of(lines, name_of), losses_of(lines, name_of)
    return {
        "name": f"{query} → {gallery}",
        "metric": lines[0].headline,
        "clean": lines[0].estimates[lines[0].headline],
        "chart": severity_chart(
            curves, top=_top(curves), label=label, names=names, percent_across=shares
        ),
        "rows": [
            {"name": name, "cells": curve[1:], "lost": losses[name]}
            for name, curve in curves.items()
        ],
    }


def _group(
    query: str, pairs: list[dict[str, Any]], names: Sequence[str] | None = None
) -> dict[str, Any]:
    rows = [row for pair in pairs for row in pair["rows"]]
    return {
        "query": query,
        "pairs": pairs,
        "severities": sorted({item[0] for row in rows for item in row["cells"]}),
        "corruptions": list(dict.fromkeys(row["name"] for row in rows) if names is None else names),
    }


def _top(curves: Curves) -> float:
    ends = [
        item.value if item.high is None else item.high
        for curve in curves.values()
        for _, item in curve
    ]
    return max([0.05, *ends])
