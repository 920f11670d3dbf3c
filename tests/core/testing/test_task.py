"""Every rule of a task: one that breaks it alone is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from polymodal_core.config import TaskConfig
from polymodal_core.testing import ConformanceError, check_task


@dataclass(frozen=True)
class Line:
    """A measurement."""

    query: str = "image"
    gallery: str = "text"
    headline: str = "r@1"
    estimates: dict[str, float] = field(default_factory=lambda: {"r@1": 0.5})
    num_queries: int = 3


@dataclass(frozen=True)
class Skipped:
    """Something left out."""

    what: str
    reason: str


@dataclass(frozen=True)
class Result:
    """What a task gives."""

    measurements: tuple[Line, ...] = (Line(),)
    skipped: tuple[Skipped, ...] = ()
    seconds: float = 0.0


@dataclass
class Space:
    """A space."""

    embeddings: dict[str, list[float]] = field(default_factory=lambda: {"image": [1.0]})


TASKS: list[Any] = []


class MeasureConfig(TaskConfig):
    """Builds what `TASKS` holds."""

    kind: Literal["measure"] = "measure"

    def build(self) -> Any:
        return TASKS[-1]


def check(task: Any) -> Any:
    TASKS[:] = [task]
    return check_task(MeasureConfig(), Space())


def test_a_right_one_passes_whatever_time_it_takes() -> None:
    calls: list[int] = []

    def task(space: Space) -> Result:
        calls.append(1)
        return Result(seconds=float(len(calls)))

    assert check(task).measurements == (Line(),)
    assert check(lambda space: Result((), (Skipped("probe", "no labels"),))).skipped


def unequal() -> Callable[[Any], Result]:
    calls: list[int] = []

    def task(space: Space) -> Result:
        calls.append(1)
        return Result((Line(num_queries=len(calls)),))

    return task


def spoil(space: Space) -> Result:
    space.embeddings["image"][0] += 1
    return Result()


@pytest.mark.parametrize(
    ("task", "rule"),
    [
        (3, "build must give a callable; it gave int"),
        (lambda space: 1 / 0, "must take a space, and leave it unchanged; it raised Zero"),
        (spoil, "a task must leave the embeddings unchanged"),
        (unequal(), "a task must give the same result for the same space"),
        (lambda space: Result(()), "a task must measure something, or say what it skipped"),
        (lambda space: Result((Line(num_queries=0),)), "must count its queries; image → text"),
        (lambda space: Result((Line(headline="map"),)), "the headline must be among the estimates"),
        (lambda space: Result((), (Skipped("probe", ""),)), "what is skipped needs a reason"),
    ],
)
def test_a_broken_rule_is_named(task: Any, rule: str) -> None:
    with pytest.raises(ConformanceError, match=f"^MeasureConfig: .*{rule}"):
        check(task)
