"""report.json: every number of an evaluation, with the protocol that made it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import count
from typing import TYPE_CHECKING, Any

from polymodal_eval.column_statistics import NEAR, column_statistics, modality_gaps
from polymodal_eval.ranking import TIE
from polymodal_eval.results import verdict
from polymodal_eval.statistics import LEVEL, PairedEstimate
from polymodal_eval.trained_pairs import origin_of

if TYPE_CHECKING:
    from polymodal_eval.report.evaluated import Evaluated
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.space import Space
    from polymodal_eval.statistics import Estimate
    from polymodal_eval.trained_pairs import Pairs

SCHEMA = 2


def document(evaluated: Evaluated) -> dict[str, Any]:
    """Give the report as plain data; numbers that are not finite become null."""
    found = {
        "schema": SCHEMA,
        "name": evaluated.name,
        "run": evaluated.run,
        "evaluation": evaluated.evaluation,
        "store": evaluated.store,
        "protocol": protocol(evaluated),
        "summary": [
            summary(result, evaluated.trained_pairs)
            for result in evaluated.results
            if result.measurements
        ],
        "splits": {name: _split(space) for name, space in evaluated.spaces.items()},
        "tasks": _tasks(evaluated),
        "warnings": list(evaluated.warnings),
        "recipe": evaluated.recipe,
        "environment": evaluated.environment,
    }
    content: dict[str, Any] = plain(found)
    return content


def protocol(evaluated: Evaluated) -> dict[str, Any]:
    """Say how every number is to be read."""
    first = next(iter(evaluated.spaces.values()), None)
    return {
        "scores": "cosine similarity",
        "tie": TIE,
        "tie_rule": "an irrelevant item within `tie` of a relevant one stands before it",
        "level": LEVEL,
        "interval": "percentile bootstrap over queries; queries that share an instance are drawn "
        "together",
        "resamples": None if first is None else first.resamples,
        "seed": None if first is None else first.seed,
        "trained_pairs": None
        if evaluated.trained_pairs is None
        else sorted(sorted(pair) for pair in evaluated.trained_pairs),
        "left_out": "queries without a relevant item are left out and counted",
        "near_equal": NEAR,
    }


def summary(result: TaskResult, trained: Pairs | None = None) -> dict[str, Any]:
    """Average a task's headline metric over its measurements, and apart by what was trained.

    Combinations of columns are counted by whether they beat the best of their single columns.
    """
    found = {
        "task": result.task,
        "split": result.split,
        "metric": result.measurements[0].headline,
        **averages(result.measurements),
    }
    groups: dict[str, list[Measurement]] = {}
    for item in result.measurements:
        origin = origin_of(item, trained)
        if origin is not None:
            groups.setdefault(origin, []).append(item)
    verdicts = [verdict(item) for item in result.measurements if item.gains]
    if verdicts:
        found["enriched"] = len(verdicts)
        found["better"], found["worse"] = verdicts.count("better"), verdicts.count("worse")
    return {**found, "origins": {name: averages(group) for name, group in groups.items()}}


def averages(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Average the headlines and their chances, and count those above chance."""
    headlines = [item.estimates[item.headline] for item in measurements]
    chances = [item.chance for item in headlines if item.chance is not None]
    return {
        "mean": sum(item.value for item in headlines) / len(headlines),
        "mean_chance": sum(chances) / len(chances) if chances else None,
        "measurements": len(headlines),
        "above_chance": sum(item.above_chance is True for item in headlines),
    }


def _tasks(evaluated: Evaluated) -> list[dict[str, Any]]:
    numbers = count()  # the same as in queries.parquet, which is written in the same order
    return [
        {
            "task": result.task,
            "split": result.split,
            "seconds": round(result.seconds, 3),
            "measurements": [
                _measurement(next(numbers), item, evaluated.trained_pairs)
                for item in result.measurements
            ],
            "skipped": [asdict(item) for item in result.skipped],
        }
        for result in evaluated.results
    ]


def _split(space: Space) -> dict[str, Any]:
    table = space.embeddings.table
    return {
        "rows": len(table),
        "instances": len(set(table.instance[table.instance >= 0].tolist())),
        "classes": len(set(table.label[table.label >= 0].tolist())),
        "columns": [asdict(item) for item in column_statistics(space)],
        "modality_gaps": [
            {"columns": list(pair), "distance": gap} for pair, gap in modality_gaps(space).items()
        ],
    }


def _measurement(number: int, item: Measurement, trained: Pairs | None) -> dict[str, Any]:
    return {
        "number": number,
        "query": item.query,
        "gallery": item.gallery,
        "query_columns": item.query_columns,
        "gallery_columns": item.gallery_columns,
        "origin": origin_of(item, trained),
        "headline": item.headline,
        "num_queries": item.num_queries,
        "num_left_out": item.num_left_out,
        "num_candidates": item.num_candidates,
        "estimates": {name: _estimate(value) for name, value in item.estimates.items()},
        "gains": [
            {
                "query": gain.query,
                "gallery": gain.gallery,
                "value": gain.value,
                "difference": difference(gain.difference),
            }
            for gain in item.gains
        ],
        "protocol": item.protocol,
        "details": item.details,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {**asdict(estimate), "above_chance": estimate.above_chance}


def difference(estimate: Estimate) -> dict[str, Any]:
    """Give a paired difference as plain data: value, interval, and whether that leaves out 0.

    With its p-value, where it has one.
    """
    found: dict[str, Any] = {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "distinguishable": estimate.distinguishable,
    }
    if isinstance(estimate, PairedEstimate):
        found["p_value"] = estimate.p_value
    return found


def plain(value: Any) -> Any:
    """Reduce a value to what JSON holds: NumPy numbers to Python's, what is not finite to null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):  # a NumPy number
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
