"""Conformance of an evaluation task."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, cast

from polymodal_core.config import TaskConfig
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.equality import same
from polymodal_core.testing.rules import Rules

UNREPEATABLE = frozenset({"seconds"})


def check_task(config: TaskConfig, space: Any) -> Any:
    """Hold an evaluation task to the contract on a `space`; give its result back.

    Raises ConformanceError that names the rule broken.
    """
    rules = Rules(type(config).__name__)
    check_config(rules, config, TaskConfig)
    with rules.runs("must build"):
        task = config.build()
    rules.require(callable(task), "build must give a callable", f"it gave {type(task).__name__}")
    measure = cast("Callable[[Any], Any]", task)
    with rules.runs("must take a space, and leave it unchanged"):
        before = pickle.dumps(space.embeddings)
        result = measure(space)
        again = measure(space)
    rules.require(
        pickle.dumps(space.embeddings) == before, "a task must leave the embeddings unchanged"
    )
    rules.require(
        same(result, again, ignore=UNREPEATABLE),
        "a task must give the same result for the same space",
    )
    rules.require(
        bool(result.measurements) or bool(result.skipped),
        "a task must measure something, or say what it skipped and why",
    )
    for line in result.measurements:
        where = f"{line.query} → {line.gallery}"
        rules.require(line.num_queries > 0, "a measurement must count its queries", where)
        rules.require(
            line.headline in line.estimates, "the headline must be among the estimates", where
        )
    for skipped in result.skipped:
        rules.require(bool(skipped.reason), "what is skipped needs a reason", f"{skipped.what!r}")
    return result
