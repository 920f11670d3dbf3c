"""The training curves, from the lines of metrics.jsonl."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TrainingCurves:
    """Points (step, value): the loss of each step, the validation mean, and R@1 of each pair.

    `pulls` are the mean lengths of the embeddings' gradients through positive and negative pairs,
    by the names that the objective gave them; none where it cannot tell.
    """

    loss: Line
    validation: Line
    pairs: Mapping[str, Line]
    pulls: Mapping[str, Line]

    @property
    def best(self) -> tuple[float, float] | None:
        """Step and value of the best validation."""
        return max(self.validation, key=lambda point: point[1]) if self.validation else None


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read metrics.jsonl; a missing file is empty, and a half-written last line is passed over."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def training_curves(metrics: Sequence[Mapping[str, Any]]) -> TrainingCurves:
    """Collect the curves; events and values of other kinds are passed over."""
    steps = [item for item in metrics if item.get("event") == "step"]
    validations = [item for item in metrics if item.get("event") == "validation"]
    return TrainingCurves(
        loss=_line((item.get("step"), item.get("loss")) for item in steps),
        validation=_line((item.get("step"), item.get("mean")) for item in validations),
        pairs=_lines(validations, "metrics"),
        pulls=_lines(steps, "pair_gradients"),
    )


def smoothed(line: Line, *, points: int = 240) -> Line:
    """Average neighbouring points where there are more than `points`."""
    size = math.ceil(len(line) / points)
    if size <= 1:
        return line
    return tuple(
        (part[-1][0], sum(value for _, value in part) / len(part))
        for part in (line[start : start + size] for start in range(0, len(line), size))
    )


def _lines(records: Sequence[Mapping[str, Any]], key: str) -> dict[str, Line]:
    # A line for every name under `key`, of the records that have it.
    names = dict.fromkeys(name for item in records for name in item.get(key) or {})
    return {
        name: _line((item.get("step"), (item.get(key) or {}).get(name)) for item in records)
        for name in names
    }


def _line(points: Any) -> Line:
    return tuple(
        (float(step), float(value))
        for step, value in points
        if _is_number(step) and _is_number(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
