"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymodal_eval.results import TaskResult
    from polymodal_eval.space import Space
    from polymodal_eval.trained_pairs import Pairs


@dataclass(frozen=True)
class Evaluated:
    """An evaluation and all that is known of the run behind it.

    `name` titles the report. `spaces` holds the splits that were embedded, by name. `run`,
    `evaluation`, `store`, `recipe` and `environment` are plain data: the run's path and
    checkpoint; date, command, versions, seed and duration of this evaluation; path and
    fingerprint of the store; the resolved recipe; the run's environment.json. `metrics` are the
    lines of metrics.jsonl, `warnings` what the user was told. `trained_pairs` are the pairs of
    columns that met in training, None where that is not known.
    """

    name: str
    results: Sequence[TaskResult]
    spaces: Mapping[str, Space]
    run: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    store: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    trained_pairs: Pairs | None = None
