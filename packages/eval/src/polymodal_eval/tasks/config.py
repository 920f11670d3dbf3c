"""Options of the shipped tasks: light, so that recipes are validated without NumPy or torch."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, overload

from polymodal_core.config import TaskConfig
from polymodal_core.errors import suggest
from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from polymodal_eval.tasks.templates import TEMPLATES

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


def _checked_template(template: str) -> str:
    rest = template.replace("{}", "")
    if rest == template or "{" in rest or "}" in rest:
        raise ValueError("a template holds {} where the name of the class goes, and no other brace")
    return template


def _known_list(name: str) -> str:
    if name not in TEMPLATES:
        raise ValueError(
            f"no list of templates is called '{name}'{suggest(name, TEMPLATES)}; or give "
            f'templates themselves, ["a photo of a {{}}."]'
        )
    return name


Words = Annotated[str, Field(min_length=1)]


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
            _listed(self.queries),
            _listed(self.galleries),
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


class ZeroShotConfig(PlacedTaskConfig):
    """Zero-shot classification: `inputs` against the items of `classes`, a class column.

    An input is a column or a combination of them, as `["image", ["image", "attributes"]]` or
    "all"; by default each other column alone, against every class column. `candidates` are the
    classes of the split, or `all` of the store.
    """

    kind: Literal["zero_shot"] = "zero_shot"
    inputs: Combinations | None = None
    classes: str | None = None
    candidates: Literal["split", "all"] = "split"

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.zero_shot import ZeroShot

        return ZeroShot(_listed(self.inputs), self.classes, candidates=self.candidates)


class PromptsConfig(PlacedTaskConfig):
    """Zero-shot classification against class names, filled into `templates` and embedded as text.

    `inputs` are as in zero_shot. A class is the mean of the unit embeddings over templates: a list
    of them, or one that is known by its name. `column` is the text column to embed with, by default
    each one. `tidy_names` drops leading numbers and underscores from the names ("012.Sea_bird" is
    read as "Sea bird"). `names` replaces the store's: words by class, a list of any classes, or the
    path of a file with either (a line per class, or .json).
    """

    kind: Literal["prompts"] = "prompts"
    inputs: Combinations | None = None
    column: str | None = None
    templates: (
        Annotated[
            tuple[Annotated[str, AfterValidator(_checked_template)], ...], Field(min_length=1)
        ]
        | Annotated[str, AfterValidator(_known_list)]
    ) = ("a photo of a {}.",)
    tidy_names: bool = True
    candidates: Literal["split", "all"] = "split"
    names: (
        Annotated[dict[str, Words | tuple[Words, ...]], Field(min_length=1)]
        | Annotated[tuple[Words, ...], Field(min_length=2)]
        | Path
        | None
    ) = None

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.label_set import read_names
        from polymodal_eval.tasks.prompts import Prompts

        names = self.names
        if isinstance(names, dict):
            names = {name: as_columns(words) for name, words in names.items()}
        templates = self.templates
        return Prompts(
            _listed(self.inputs),
            self.column,
            templates=TEMPLATES[templates] if isinstance(templates, str) else templates,
            tidy_names=self.tidy_names,
            candidates=self.candidates,
            names=read_names(names) if isinstance(names, Path) else names,
        )


@overload
def _listed(given: ColumnSets | Literal["all"]) -> tuple[tuple[str, ...], ...] | Literal["all"]: ...


@overload
def _listed(
    given: ColumnSets | Literal["all"] | None,
) -> tuple[tuple[str, ...], ...] | Literal["all"] | None: ...


def _listed(
    given: ColumnSets | Literal["all"] | None,
) -> tuple[tuple[str, ...], ...] | Literal["all"] | None:
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
            _listed(self.inputs),
            column=self.column,
            question=self.question,
            answers=self.answers,
            statement=self.statement,
            training=self.training,
            modes=tuple(dict.fromkeys(self.modes)),
            most_answers=self.most_answers,
            most_questions=self.most_questions,
        )


class ProbeConfig(PlacedTaskConfig):
    """Classification from embeddings, in `repeats` of `folds` stratified folds.

    Only classes with at least `min_count` items take part. `methods`: `linear` is a logistic
    regression of inverse penalty `strength`, `class_mean` the nearest mean of a class.
    """

    kind: Literal["probe"] = "probe"
    columns: tuple[str, ...] | None = None
    methods: Annotated[tuple[Literal["linear", "class_mean"], ...], Field(min_length=1)] = (
        "linear",
        "class_mean",
    )
    min_count: PositiveInt = 10
    folds: Annotated[int, Field(ge=2)] = 5
    repeats: PositiveInt = 4
    strength: PositiveFloat = 10.0

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.probe import Probe

        return Probe(
            self.columns,
            methods=self.methods,
            min_count=self.min_count,
            folds=self.folds,
            repeats=self.repeats,
            strength=self.strength,
        )


Methods = Annotated[tuple[Literal["linear", "class_mean", "neighbours"], ...], Field(min_length=1)]


class FewShotConfig(PlacedTaskConfig):
    """Classification learned from `shots` examples of each class, the mean over `draws` of them.

    The other items of the split are classified. Only classes with more items than the largest of
    `shots` take part. `methods`: `linear` is a logistic regression of inverse penalty `strength`,
    `class_mean` the nearest mean of a class, `neighbours` a vote of so many nearest examples.
    """

    kind: Literal["few_shot"] = "few_shot"
    columns: tuple[str, ...] | None = None
    shots: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 5, 10)
    methods: Methods = ("linear", "class_mean", "neighbours")
    draws: PositiveInt = 20
    strength: PositiveFloat = 10.0
    neighbours: PositiveInt = 5

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.few_shot import FewShot

        return FewShot(
            self.columns,
            shots=self.shots,
            methods=self.methods,
            draws=self.draws,
            strength=self.strength,
            neighbours=self.neighbours,
        )


class EpisodesConfig(PlacedTaskConfig):
    """Few-shot classification by `episodes`, each of `ways` classes drawn anew.

    An episode has `shots` examples of each class to learn from and `queries` to classify. Only
    classes with so many items take part. `methods` are as in few_shot.
    """

    kind: Literal["episodes"] = "episodes"
    columns: tuple[str, ...] | None = None
    ways: Annotated[int, Field(ge=2)] = 5
    shots: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 5)
    queries: PositiveInt = 15
    episodes: PositiveInt = 600
    methods: Methods = ("class_mean",)
    strength: PositiveFloat = 10.0
    neighbours: PositiveInt = 5

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.episodes import Episodes

        return Episodes(
            self.columns,
            ways=self.ways,
            shots=self.shots,
            queries=self.queries,
            episodes=self.episodes,
            methods=self.methods,
            strength=self.strength,
            neighbours=self.neighbours,
        )


Shares = tuple[Annotated[float, Field(gt=0, le=1)], ...]


class ClassificationConfig(PlacedTaskConfig):
    """Classification by the class layers that the run has trained.

    `inputs` are as in zero_shot; by default each column alone, and all together. Whole rows are
    classified by whatever columns they have, and so again with each column of `remove` (by default
    all but the first) taken from the shares `missing` of them, or replaced by another row's in the
    shares `swapped`.
    """

    kind: Literal["classification"] = "classification"
    inputs: Combinations | None = None
    remove: tuple[str, ...] | None = None
    missing: Shares = (0.5, 1.0)
    swapped: Shares = ()

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.trained_classes import TrainedClasses

        return TrainedClasses(
            _listed(self.inputs), remove=self.remove, missing=self.missing, swapped=self.swapped
        )


class SegmentationTaskConfig(TaskConfig):
    """Segmentation by the decoders that the run has trained: mean IoU over all pixels of a split.

    Whole rows are read by whatever columns they have, then each stream alone, and so again with
    each column of `remove` (by default all but the visual one) taken from the shares `missing` of
    the rows. The report shows `pictures` of them, drawn at random.
    """

    kind: Literal["segmentation"] = "segmentation"
    split: str | None = None
    remove: tuple[str, ...] | None = None
    missing: Shares = (0.5, 1.0)
    pictures: Annotated[int, Field(ge=0)] = 8

    def build(self) -> Task:
        """Build the task."""
        from polymodal_eval.tasks.segmentation import SegmentationTask

        return SegmentationTask(self.remove, missing=self.missing, pictures=self.pictures)
