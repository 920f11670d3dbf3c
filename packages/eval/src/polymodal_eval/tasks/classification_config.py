"""Options of the shipped tasks that classify: light, as those of `config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from polymodal_core.config import TaskConfig
from polymodal_core.errors import suggest
from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from polymodal_eval.tasks.config import Combinations, PlacedTaskConfig, as_columns, listed
from polymodal_eval.tasks.templates import TEMPLATES

if TYPE_CHECKING:
    from polymodal_eval.tasks.config import Task


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

        return ZeroShot(listed(self.inputs), self.classes, candidates=self.candidates)


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
            listed(self.inputs),
            self.column,
            templates=TEMPLATES[templates] if isinstance(templates, str) else templates,
            tidy_names=self.tidy_names,
            candidates=self.candidates,
            names=read_names(names) if isinstance(names, Path) else names,
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
            listed(self.inputs), remove=self.remove, missing=self.missing, swapped=self.swapped
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
