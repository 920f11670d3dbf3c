"""study.json: every number of a study's tables, with what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polymodal_eval.report.document import difference, plain
from polymodal_eval.statistics import LEVEL
from polymodal_eval.study.cells import Cell, Quantity
from polymodal_eval.study.fill import Filled, FilledTable
from polymodal_eval.study.written import StudyReport

SCHEMA = 1


def study_document(report: StudyReport) -> dict[str, Any]:
    """Give a study as plain data; numbers that are not finite become null."""
    found: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "name": report.name,
            "evaluation": report.evaluation,
            "protocol": {
                "cell": "the metric's mean over the cell's pairs, and over its runs query by query",
                "interval": "percentile bootstrap over instances, drawn with all of their queries "
                "in all cells: differences are paired",
                "p_value": "of a difference, two-sided: 1 less the level of the widest such "
                "interval that leaves out 0; never below 2 / (resamples + 1)",
                "runs": "values run by run; their range is no part of the interval",
                "level": LEVEL,
            },
            "axes": {axis.name: list(axis.names) for axis in report.study.axes},
            "runs": list(_runs(report)),
            "tables": [_table(table) for table in report.tables],
            "study": report.study.table,
        }
    )
    return found


def _runs(report: StudyReport) -> Iterator[dict[str, Any]]:
    for run in report.study.runs:
        item: dict[str, Any] = {"folder": run.folder, "choice": dict(run.choice)}
        if run.folder in report.reports:
            content = report.reports[run.folder].content
            item["run"] = content["run"]
            item["store"] = content["store"]
            item["evaluated"] = content["evaluation"].get("date")
        else:
            item["lacking"] = report.lacking.get(run.folder, "not evaluated")
        yield item


def _table(table: FilledTable) -> dict[str, Any]:
    config = table.layout.config
    return {
        "title": config.title,
        "note": config.note,
        "contrast": config.contrast,
        "columns": table.layout.columns,
        "rows": [
            {
                "name": row.name,
                "cells": [
                    None if cell is None else {**_meaning(planned), **_cell(cell)}
                    for planned, cell in zip(cells, row.cells, strict=True)
                ],
                "contrasts": [None if cell is None else _cell(cell) for cell in row.contrasts],
                "reference": config.reference.get(row.name),
            }
            for row, cells in zip(table.rows, table.layout.cells, strict=True)
        ],
        "others": dict(config.others),
        "source": config.source,
    }


def _cell(cell: Filled) -> dict[str, Any]:
    if cell.estimate is None:
        return {"value": None, "reason": cell.reason}
    estimate = cell.estimate
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "runs": cell.runs,
        "num_runs": cell.num_runs,
        "planned_runs": cell.planned,
        "queries": cell.queries,
        "relative": cell.relative,
        **({"difference": difference(estimate)} if cell.signed else {}),
    }


def _meaning(cell: Cell | None) -> dict[str, Any]:
    if cell is None or cell.quantity is None:
        return {"mean": True}
    found = {"measures": _quantity(cell.quantity)}
    if cell.minus is not None:
        found["minus"] = _quantity(cell.minus)
    return found


def _quantity(quantity: Quantity) -> dict[str, Any]:
    return {
        "where": dict(quantity.where),
        "task": quantity.task,
        "split": quantity.split,
        "metric": quantity.metric,
        "pairs": quantity.pairs,
    }
