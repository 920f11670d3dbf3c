"""report.json: every number of an evaluation, with the protocol that made it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from polymodal_eval.column_statistics import NEAR, column_statistics, modality_gaps
from polymodal_eval.ranking import TIE
from polymodal_eval.statistics import LEVEL

if TYPE_CHECKING:
    from polymodal_eval.report.evaluated import Evaluated
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.space import Space

SCHEMA = 1


def document(evaluated: Evaluated) -> dict[str, Any]:
    """Give the report as plain data; numbers that are not finite become null."""
    found = {
        "schema": SCHEMA,
        "name": evaluated.name,
        "run": evaluated.run,
        "evaluation": evaluated.evaluation,
        "store": evaluated.store,
        "protocol": protocol(evaluated),
        "summary": [summary(result) for result in evaluated.results if result.measurements],
        "splits": {name: _split(space) for name, space in evaluated.spaces.items()},
        "tasks": [_task(result) for result in evaluated.results],
        "warnings": list(evaluated.warnings),
        "recipe": evaluated.recipe,
        "environment": evaluated.environment,
    }
    plain: dict[str, Any] = _plain(found)
    return plain


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
        "left_out": "queries without a relevant item are left out and counted",
        "near_equal": NEAR,
    }


def summary(result: TaskResult) -> dict[str, Any]:
    """Average a task's headline metric over its measurements."""
    headlines = [item.estimates[item.headline] for item in result.measurements]
    chances = [item.chance for item in headlines if item.chance is not None]
    above = [item.above_chance for item in headlines if item.above_chance is not None]
    return {
        "task": result.task,
        "split": result.split,
        "metric": result.measurements[0].headline,
        "mean": sum(item.value for item in headlines) / len(headlines),
        "mean_chance": sum(chances) / len(chances) if chances else None,
        "measurements": len(headlines),
        "above_chance": sum(above),
    }


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


def _task(result: TaskResult) -> dict[str, Any]:
    return {
        "task": result.task,
        "split": result.split,
        "seconds": round(result.seconds, 3),
        "measurements": [_measurement(item) for item in result.measurements],
        "skipped": [asdict(item) for item in result.skipped],
    }


def _measurement(item: Measurement) -> dict[str, Any]:
    return {
        "query": item.query,
        "gallery": item.gallery,
        "headline": item.headline,
        "num_queries": item.num_queries,
        "num_left_out": item.num_left_out,
        "num_candidates": item.num_candidates,
        "estimates": {
            name: {**asdict(estimate), "above_chance": estimate.above_chance}
            for name, estimate in item.estimates.items()
        },
        "protocol": item.protocol,
        "details": item.details,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):  # a NumPy number
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
