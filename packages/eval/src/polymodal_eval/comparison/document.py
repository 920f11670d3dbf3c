"""A comparison as plain data, for compare.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from polymodal_eval.comparison.compare import Compared, Comparison
from polymodal_eval.comparison.reports import Report
from polymodal_eval.report.document import difference, plain
from polymodal_eval.statistics import LEVEL

SCHEMA = 1


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Give every number of a comparison; numbers that are not finite become null."""
    found: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "first": [_report(item) for item in comparison.first],
            "second": [_report(item) for item in comparison.second],
            "store": comparison.first[0].content["store"],
            "protocol": {
                "difference": "first - second, over the queries that all runs share",
                "interval": "percentile bootstrap over queries, paired; queries that share an "
                "instance are drawn together; runs of a side are averaged",
                "p_value": "two-sided, of the same bootstrap: below 0.05 where the interval leaves "
                "out 0, and never below 2 / (resamples + 1)",
                "level": LEVEL,
                "resamples": comparison.resamples,
                "seed": comparison.seed,
            },
            "means": [
                {**asdict(item), "difference": difference(item.difference)}
                for item in comparison.means
            ],
            "measurements": [_compared(item) for item in comparison.compared],
            "not_compared": [asdict(item) for item in comparison.refused],
        }
    )
    return found


def _report(report: Report) -> dict[str, Any]:
    run, evaluation = report.content["run"], report.content["evaluation"]
    return {
        "folder": str(report.folder.resolve()),
        "name": report.content["name"],
        "run": run,
        "date": evaluation.get("date"),
        "seed": report.content["environment"].get("seed"),
    }


def _compared(item: Compared) -> dict[str, Any]:
    content = item.line.content
    return {
        "task": item.line.task,
        "split": item.line.split,
        "query": content["query"],
        "gallery": content["gallery"],
        "origin": content["origin"],
        "headline": content["headline"],
        "protocol": content["protocol"],
        "num_candidates": content["num_candidates"],
        "shared_queries": item.shared,
        "num_queries": item.num_queries,
        "metrics": {
            part.metric: {
                "first": sum(part.first) / len(part.first),
                "second": sum(part.second) / len(part.second),
                "first_runs": part.first,
                "second_runs": part.second,
                "difference": difference(part.difference),
            }
            for part in item.differences
        },
    }
