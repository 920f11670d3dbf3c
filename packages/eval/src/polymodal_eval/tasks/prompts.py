"""Zero-shot classification against the names of the classes, read as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from polymodal_eval.results import Measurement, NotApplicable, Skipped, TaskResult, collect
from polymodal_eval.space import LabelledVectors, unit_means
from polymodal_eval.statistics import paired_difference
from polymodal_eval.tasks.classification import Inputs, classify, input_entries, right_answers
from polymodal_eval.tasks.label_set import LabelSet, Names, label_set
from polymodal_eval.tasks.ranked import mean_estimates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.entries import Entries
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Prompts:
    """Classify items by the nearest class name, filled into templates and embedded as text.

    A class is the mean of the unit embeddings of its prompts, renormalised (Radford et al. 2021,
    section 3.1.4). With several templates, each alone is measured on the same queries as well.
    """

    def __init__(
        self,
        inputs: Inputs = None,
        column: str | None = None,
        *,
        templates: Sequence[str] = ("a photo of a {}.",),
        tidy_names: bool = True,
        candidates: Literal["split", "all"] = "split",
        names: Names | None = None,
    ) -> None:
        """Choose what is classified, the text column to embed with, templates and classes."""
        self.inputs = inputs
        self.column = column
        self.templates = tuple(templates)
        self.tidy_names = tidy_names
        self.candidates = candidates
        self.names = names

    def __call__(self, space: Space) -> TaskResult:
        """Measure every input against the prompts of every text column.

        Raises NotApplicable where the split has no labels or there is no text column.
        """
        inputs = list(input_entries(space, self.inputs))
        chosen = label_set(
            self.names,
            space.embeddings.table.class_names,
            self._labels(space),
            tidy_names=self.tidy_names,
        )
        found: list[Measurement | Skipped] = []
        for column in self._text_columns(space):
            classes = _Classes(space, column, chosen, self.templates)
            found += [
                _measure(space, queries, classes, self._protocol(column)) for queries in inputs
            ]
        return collect("prompts", space.split, found)

    def _protocol(self, column: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "candidates": self.candidates,
            "column": column,
            "templates": list(self.templates),
        }
        if self.names is not None:
            found["names"] = self.names
        return found

    def _text_columns(self, space: Space) -> list[str]:
        if self.column is not None:
            if self.column not in space.kinds:
                space.column(self.column)  # raises, and lists the columns
            return [self.column]
        columns = [name for name, kind in space.kinds.items() if kind == "text"]
        if not columns:
            raise NotApplicable("no column of the model is of kind 'text'; name one with `column`")
        return columns

    def _labels(self, space: Space) -> Integers:
        table = space.embeddings.table
        if self.candidates == "all":
            return np.arange(len(table.class_names), dtype=np.int64)
        return np.unique(table.label[table.label >= 0])


class _Classes:
    """The classes of a label set as vectors, by all templates together and by each alone."""

    def __init__(
        self, space: Space, column: str, chosen: LabelSet, templates: Sequence[str]
    ) -> None:
        self.column = column
        self.templates = templates
        self._chosen = chosen
        words = [(number, word) for number, part in enumerate(chosen.words) for word in part]
        texts = [template.replace("{}", word) for _, word in words for template in templates]
        vectors = space.encode(column, texts)
        self._vectors = vectors.reshape(len(words), len(templates), -1)
        self._class = np.array([number for number, _ in words], dtype=np.int64)

    def ensemble(self) -> LabelledVectors:
        size = len(self.templates)
        flat = self._vectors.reshape(-1, self._vectors.shape[-1])
        return self._labelled(flat, np.repeat(self._class, size))

    def single(self, template: int) -> LabelledVectors:
        return self._labelled(self._vectors[:, template], self._class)

    def _labelled(self, vectors: NDArray[np.float32], groups: Integers) -> LabelledVectors:
        chosen = self._chosen
        means = unit_means(vectors, groups, len(chosen.labels))
        return LabelledVectors(means, chosen.labels, chosen.names)


def _measure(
    space: Space, queries: Entries, classes: _Classes, protocol: dict[str, Any]
) -> Measurement | Skipped:
    column = classes.column
    against = f"prompts ({column})"
    measured = classify(
        space, queries, classes.ensemble(), against=against, column=column, protocol=protocol
    )
    if isinstance(measured, Skipped) or len(classes.templates) < 2:
        return measured
    return replace(
        measured,
        details={**measured.details, "templates": _each(space, queries, classes, measured)},
    )


def _each(
    space: Space, queries: Entries, classes: _Classes, measured: Measurement
) -> dict[str, Any]:
    # Each template alone and their mean, and what the ensemble has more, query by query.
    assert measured.queries is not None
    ensemble, clusters = measured.queries.score, measured.queries.cluster

    def compared(right: Floats) -> dict[str, Any]:
        more = paired_difference(
            ensemble, right, clusters, resamples=space.resamples, seed=space.seed
        )
        (alone,) = mean_estimates(space, {"accuracy": right}, clusters, {}).values()
        return {
            "accuracy": asdict(alone),
            "difference": {**asdict(more), "distinguishable": more.distinguishable},
        }

    alone = [
        right_answers(space, queries, classes.single(number))
        for number in range(len(classes.templates))
    ]
    return {
        "single": [
            {"template": template, **compared(right)}
            for template, right in zip(classes.templates, alone, strict=True)
        ],
        "mean": compared(np.mean(alone, axis=0)),
    }
