"""Running the tasks of an evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from polymodal_core.errors import UnknownNameError, suggest

from polymodal_eval.results import NotApplicable, Skipped, TaskResult

if TYPE_CHECKING:
    from pathlib import Path

    from polymodal_core.config import TaskConfig

    from polymodal_eval.space import Space


SETS = ("inputs", "queries", "galleries")


def split_of(task: TaskConfig, default: str) -> str:
    """Name the split that a task runs on: its own `split`, else the evaluation's.

    Where the task names another store it is called `test of cifar10`, by the folder's name.
    """
    own, store = getattr(task, "split", None), store_of(task)
    split = default if own is None else str(own)
    return split if store is None else f"{split} of {store.resolve().name}"


def store_of(task: TaskConfig) -> Path | None:
    """Give the other store that a task runs on, None where it runs on the evaluation's."""
    found: Path | None = getattr(task, "store", None)
    return found


def check_columns(tasks: Iterable[TaskConfig], columns: Iterable[str]) -> None:
    """Raise UnknownNameError for a column that a task names and the model lacks.

    Said before minutes are spent on embedding. Looks at the fields `inputs`, `queries`,
    `galleries`, `columns`, `pairs`, `classes`, `column` and `remove` of a task, where it has them;
    "all" for one of the first three is no name.
    """
    known = list(columns)
    for number, task in enumerate(tasks):
        for field in (*SETS, "columns", "pairs", "classes", "column", "remove"):
            given = getattr(task, field, None)
            for name in () if field in SETS and given == "all" else _names(given):
                if name not in known:
                    raise UnknownNameError(
                        f"evaluation.tasks.{number}.{field}: the model has no column '{name}'"
                        f"{suggest(name, known)}"
                    )


def run_tasks(
    tasks: Sequence[TaskConfig],
    spaces: Callable[[str], Space],
    *,
    split: str,
    explicit: bool,
    starting: Callable[[str], None] | None = None,
) -> list[TaskResult]:
    """Run every task on its split, whose `Space` is asked for when it is needed.

    A task that does not apply is an error where the recipe names the tasks (`explicit`), and else
    is skipped with its reason. `starting` hears the name of each task.
    """
    results = []
    # All are built first: what one of them lacks (a file) is said before minutes of embedding.
    for task, run in [(task, task.build()) for task in tasks]:
        space = spaces(split_of(task, split))
        if starting is not None:
            starting(f"{task.kind} on {space.split}")
        began = time.perf_counter()
        try:
            result: TaskResult = run(space)
        except NotApplicable as error:
            if explicit:
                raise NotApplicable(f"task '{task.kind}' cannot run: {error}") from None
            result = TaskResult(task.kind, space.split, skipped=(Skipped(task.kind, str(error)),))
        results.append(replace(result, seconds=time.perf_counter() - began))
    return results


def _names(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names(item)
