"""Zero-shot classification: items, alone or combined, against the items of a class column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from polymodal_eval.results import Measurement, NotApplicable, Skipped, TaskResult, collect
from polymodal_eval.space import LabelledVectors, unit_means
from polymodal_eval.tasks.classification import Inputs, classify, input_entries

if TYPE_CHECKING:
    from polymodal_eval.space import Space


class ZeroShot:
    """Classify items by the nearest class item; several items of a class are averaged."""

    def __init__(
        self,
        inputs: Inputs = None,
        classes: str | None = None,
        *,
        candidates: Literal["split", "all"] = "split",
    ) -> None:
        """Choose what is classified, the class column, and the classes to choose among."""
        self.inputs = inputs
        self.classes = classes
        self.candidates = candidates

    def __call__(self, space: Space) -> TaskResult:
        """Measure every input against every class column.

        Raises NotApplicable where the split has no labels or no class items.
        """
        inputs = list(input_entries(space, self.inputs))
        found: list[Measurement | Skipped] = []
        for column in self._class_columns(space):
            classes = (
                space.classes(column) if self.candidates == "all" else split_classes(space, column)
            )
            protocol = {"candidates": self.candidates, "classes": column}
            found += [
                classify(space, queries, classes, against=column, column=column, protocol=protocol)
                if column not in queries.columns
                else Skipped(f"{queries.name} → {column}", f"{queries.name} holds the answer")
                for queries in inputs
            ]
        return collect("zero_shot", space.split, found)

    def _class_columns(self, space: Space) -> list[str]:
        of_classes = sorted(space.embeddings.table.of_classes & set(space.embeddings.columns))
        if self.classes is not None:
            if space.column(self.classes) not in of_classes:
                raise NotApplicable(
                    f"items of column '{self.classes}' do not stand for classes; columns that do: "
                    f"{', '.join(of_classes) or '(none)'}"
                )
            return [self.classes]
        if not of_classes:
            raise NotApplicable(
                f"no column of split '{space.split}' has items that stand for classes"
            )
        return of_classes


def split_classes(space: Space, column: str) -> LabelledVectors:
    """Give one unit vector per class that the split holds: the mean of the class's items."""
    labels = space.labels(column)
    items = np.repeat(np.arange(len(labels)), [len(part) for part in labels])
    names, place = np.unique(np.concatenate(labels), return_inverse=True)
    vectors = space.embeddings.vectors[column][items]
    return LabelledVectors(unit_means(vectors, place, len(names)), names)
