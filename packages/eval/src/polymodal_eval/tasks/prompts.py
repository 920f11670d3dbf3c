"""Zero-shot classification against the names of the classes, read as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from polymodal_eval.results import Measurement, NotApplicable, Skipped, TaskResult, collect
from polymodal_eval.space import LabelledVectors, unit_means
from polymodal_eval.tasks.classification import Inputs, classify, input_entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]


class Prompts:
    """Classify items by the nearest class name, filled into templates and embedded as text."""

    def __init__(
        self,
        inputs: Inputs = None,
        column: str | None = None,
        *,
        templates: Sequence[str] = ("a photo of a {}.",),
        tidy_names: bool = True,
        candidates: Literal["split", "all"] = "split",
    ) -> None:
        """Choose what is classified, the text column to embed with, templates and classes."""
        self.inputs = inputs
        self.column = column
        self.templates = tuple(templates)
        self.tidy_names = tidy_names
        self.candidates = candidates

    def __call__(self, space: Space) -> TaskResult:
        """Measure every input against the prompts of every text column.

        Raises NotApplicable where the split has no labels or there is no text column.
        """
        inputs = list(input_entries(space, self.inputs))
        labels = self._labels(space)
        found: list[Measurement | Skipped] = []
        for column in self._text_columns(space):
            classes = self._prompts(space, column, labels)
            protocol = {
                "candidates": self.candidates,
                "column": column,
                "templates": list(self.templates),
            }
            against = f"prompts ({column})"
            found += [
                classify(space, queries, classes, against=against, column=column, protocol=protocol)
                for queries in inputs
            ]
        return collect("prompts", space.split, found)

    def _text_columns(self, space: Space) -> list[str]:
        if self.column is not None:
            return [space.column(self.column)]
        columns = [name for name in space.embeddings.columns if space.kinds.get(name) == "text"]
        if not columns:
            raise NotApplicable("no column of the model is of kind 'text'; name one with `column`")
        return columns

    def _labels(self, space: Space) -> Integers:
        table = space.embeddings.table
        if self.candidates == "all":
            return np.arange(len(table.class_names), dtype=np.int64)
        return np.unique(table.label[table.label >= 0])

    def _prompts(self, space: Space, column: str, labels: Integers) -> LabelledVectors:
        names = [space.embeddings.table.class_names[label] for label in labels]
        if self.tidy_names:
            names = [tidy(name) for name in names]
        texts = [template.replace("{}", name) for name in names for template in self.templates]
        groups = np.repeat(np.arange(len(labels)), len(self.templates))
        return LabelledVectors(unit_means(space.encode(column, texts), groups, len(labels)), labels)


def tidy(name: str) -> str:
    """Read a class name as words: "012.Sea_bird" as "Sea bird"; a bare number stays."""
    words = re.sub(r"^\d+[.\s_-]+(?=\S)", "", name).replace("_", " ")
    return " ".join(words.split())
