"""Options of the shipped tasks: light, so that recipes are validated without NumPy or torch."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, overload

from polymodal_core.config import TaskConfig
from pydantic import AfterValidator, Field, PositiveInt

if TYPE_CHECKING:
    from polymodal_eval.results import TaskResult
    from polymodal_eval.space import Space

    Task = Callable[[Space], TaskResult]

ColumnSets = tuple[str | tuple[str, ...], ...]
SidesGiven = tuple[str | tuple[str, ...], str | tuple[str, ...]]
Share = Annotated[float, Field(gt=0, le=1)]


def _checked_sets(sets: ColumnSets) -> ColumnSets:
    named = [as_columns(part) for part in sets]
    for columns in named:
        if not columns or len(set(columns)) < len(columns):
            raise ValueError("a combination names one or several columns, each once")
    if len({frozenset(columns) for columns in named}) < len(named):
        raise ValueError("a combination is listed twice")
    return sets


def as_columns(given: str | tuple[str, ...]) -> tuple[str, ...]:
    """Read `"image"` as the combination `["image"]`."""
    return (given,) if isinstance(given, str) else tuple(given)


def _checked_sides(pairs: tuple[SidesGiven, ...]) -> tuple[SidesGiven, ...]:
    for query, gallery in pairs:
        _checked_sets((query, gallery))
        shared = set(as_columns(query)) & set(as_columns(gallery))
        if shared:
            raise ValueError(f"{' and '.join(sorted(shared))} would be on both sides of a pair")
    return pairs


class PlacedTaskConfig(TaskConfig):
    """A task that may run elsewhere than the evaluation.

    `split` replaces evaluation.split. `store` is the folder of another store to evaluate on: its
    columns stand for the model's of the same name and kind, or of the same kind where there is one
    of it on either side.
    """

    split: str | None = None
    store: Path | None = None


def _checked_statement(statement: str) -> str:
    fields = [part for part in string.Formatter().parse(statement) if part[1] is not None]
    if sorted(str(part[1]) for part in fields) != ["answer", "question"]:
        raise ValueError("a statement holds {question} and {answer}, each once")
    return statement


Combinations = (
    Annotated[ColumnSets, Field(min_length=1), AfterValidator(_checked_sets)] | Literal["all"]
)
"""Combinations of columns, as in `["image", ["image", "attributes"]]`, or all of them."""


class RetrievalConfig(PlacedTaskConfig):
    """Retrieval between columns: `pairs` of [query, gallery], by default every ordered pair.

    `relevance` is `label` where either column's items stand for classes and `instance` else,
    unless given.
    """

    kind: Literal["retrieval"] = "retrieval"
    pairs: tuple[tuple[str, str], ...] | None = None
    relevance: Literal["default", "instance", "label", "row"] = "default"
    ks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 5, 10)

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.retrieval import Retrieval

        return Retrieval(
            self.pairs if self.pairs is None else tuple(self.pairs),
            relevance=self.relevance,
            ks=self.ks,
        )


class EnrichmentConfig(PlacedTaskConfig):
    """Retrieval with several columns of a row on either side, their embeddings averaged.

    `queries` and `galleries` are combinations of columns, by default all; a query and a gallery
    share none. At the most `most` pairs are measured, those with the fewest columns first: by
    default all of up to five columns. Each is compared with every single column it holds.
    """

    kind: Literal["enrichment"] = "enrichment"
    queries: Combinations = "all"
    galleries: Combinations = "all"
    relevance: Literal["default", "instance", "label", "row"] = "default"
    ks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 5, 10)
    most: PositiveInt | None = None

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.enrichment import Enrichment

        return Enrichment(
            listed(self.queries),
            listed(self.galleries),
            relevance=self.relevance,
            ks=self.ks,
            most=self.most,
        )


class RobustnessConfig(PlacedTaskConfig):
    """Retrieval by damaged queries, and where a column is missing.

    `pairs` are of [query, gallery], each a column or a combination of them, as in
    `[["image", "text"], [["image", "depth"], "text"]]`. Every column of a query is damaged under
    `corruptions` of its modality, at `severities`; every column of a combination is taken away from
    `removal`, shares of its items. By default single columns are damaged, in all ordered pairs and
    by all corruptions, and columns are taken away from queries of all columns but the gallery's;
    `corruptions = []` and `removal = []` leave either out. The model is as it is.
    """

    kind: Literal["robustness"] = "robustness"
    pairs: (
        Annotated[tuple[SidesGiven, ...], Field(min_length=1), AfterValidator(_checked_sides)]
        | None
    ) = None
    corruptions: tuple[str, ...] | None = None
    severities: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.25, 0.5, 0.75, 1.0)
    removal: tuple[Share, ...] = (0.25, 0.5, 0.75, 1.0)
    relevance: Literal["default", "instance", "label", "row"] = "default"
    ks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 5, 10)

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.robustness import Robustness

        return Robustness(
            None
            if self.pairs is None
            else tuple((as_columns(a), as_columns(b)) for a, b in self.pairs),
            corruptions=self.corruptions,
            severities=tuple(sorted(set(self.severities))),
            removal=tuple(sorted(set(self.removal))),
            relevance=self.relevance,
            ks=self.ks,
        )


@overload
def listed(given: ColumnSets | Literal["all"]) -> tuple[tuple[str, ...], ...] | Literal["all"]: ...


@overload
def listed(
    given: ColumnSets | Literal["all"] | None,
) -> tuple[tuple[str, ...], ...] | Literal["all"] | None: ...


def listed(
    given: ColumnSets | Literal["all"] | None,
) -> tuple[tuple[str, ...], ...] | Literal["all"] | None:
    """Read single columns as combinations of one."""
    return tuple(map(as_columns, given)) if isinstance(given, tuple) else given


class VQAConfig(PlacedTaskConfig):
    """Visual question answering: the statement, question and answer as one text, that is nearest.

    `inputs` are columns or combinations of them, by default all combinations of those that are no
    text. `column` is the text column of the model that embeds statements, by default the only one
    beside `question`. `question` and `answers` are columns of the store as the importer `vqa2`
    writes them; `statement` replaces the template that it recorded. Open-ended questions choose
    among the `most_answers` most frequent ones of split `training`, multiple choice among the
    question's own choices, or among 18 that are built. `most_questions` are drawn by the seed.
    """

    kind: Literal["vqa"] = "vqa"
    inputs: Combinations = "all"
    column: str | None = None
    question: str = "question"
    answers: str = "answers"
    statement: Annotated[str, AfterValidator(_checked_statement)] | None = None
    training: str = "train"
    modes: Annotated[tuple[Literal["open_ended", "multiple_choice"], ...], Field(min_length=1)] = (
        "open_ended",
        "multiple_choice",
    )
    most_answers: Annotated[int, Field(ge=2)] = 1000
    most_questions: PositiveInt | None = 2000

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.vqa import VQA

        return VQA(
            listed(self.inputs),
            column=self.column,
            question=self.question,
            answers=self.answers,
            statement=self.statement,
            training=self.training,
            modes=tuple(dict.fromkeys(self.modes)),
            most_answers=self.most_answers,
            most_questions=self.most_questions,
        )
