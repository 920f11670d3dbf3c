"""The `[evaluation]` section of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

from polymodal_core.config import Configuration, TaskConfig
from polymodal_core.errors import UnknownNameError
from pydantic import Field, NonNegativeInt, PositiveInt, create_model

if TYPE_CHECKING:
    from polymodal_core.plugins import Registry

DEFAULT_TASKS = ("retrieval", "enrichment", "zero_shot", "prompts")


class EvaluationConfig(Configuration):
    """What is evaluated: the `split`, the `tasks`, and how intervals are drawn.

    Without `tasks`, retrieval between all columns runs, enrichment where there are three, and
    zero-shot classification where there are labels and class items or text; a named task that does
    not apply is an error.
    """

    split: str = "test"
    seed: NonNegativeInt = 0
    resamples: Annotated[int, Field(ge=0)] = 1000
    batch_size: PositiveInt = 256
    workers: NonNegativeInt = 0
    tasks: tuple[TaskConfig, ...] | None = None


def evaluation_config(registry: Registry) -> type[EvaluationConfig]:
    """Make the section's class, whose `tasks` may be any that is installed.

    Raises UnknownNameError where no task is installed.
    """
    task: Any = registry.union("task")
    fields: dict[str, Any] = {"tasks": (tuple[task, ...] | None, None)}
    made = create_model("EvaluationConfig", __base__=EvaluationConfig, **fields)
    return cast("type[EvaluationConfig]", made)


def default_tasks(registry: Registry) -> list[TaskConfig]:
    """Build the tasks that run where a recipe names none: those of them that are installed."""
    found = []
    for kind in DEFAULT_TASKS:
        try:
            found.append(registry.find("task", kind, TaskConfig).model_validate({}))
        except UnknownNameError:
            continue
    return found
