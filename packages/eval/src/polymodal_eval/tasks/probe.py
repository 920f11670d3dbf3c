"""Classification from embeddings: a linear probe and nearest class means, in repeated folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.entries import entries_of
from polymodal_eval.results import Measurement, Skipped, TaskResult, collect
from polymodal_eval.tasks.classification import class_average, query_columns
from polymodal_eval.tasks.classifiers import Method, labelled_items, predict
from polymodal_eval.tasks.ranked import mean_estimates, query_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]


class Probe:
    """Learn the labels from a column's embeddings, and predict those of the fold left out."""

    def __init__(
        self,
        columns: tuple[str, ...] | None = None,
        *,
        methods: Sequence[Method] = ("linear", "class_mean"),
        min_count: int = 10,
        folds: int = 5,
        repeats: int = 4,
        strength: float = 10.0,
    ) -> None:
        """Choose columns (all, if None), methods and folds."""
        self.columns = columns
        self.methods = tuple(methods)
        self.min_count = min_count
        self.folds = folds
        self.repeats = repeats
        self.strength = strength

    def __call__(self, space: Space) -> TaskResult:
        """Measure every column with every method.

        Raises NotApplicable where no column has two classes of enough items.
        """
        found = [
            item
            for column in query_columns(space, self.columns)
            for item in self._measure(space, column)
        ]
        return collect("probe", space.split, found)

    def _measure(self, space: Space, column: str) -> list[Measurement | Skipped]:
        kept, label, clusters = labelled_items(space, column, min_count=self.min_count)
        names, place = np.unique(label, return_inverse=True)
        if len(names) < 2:
            reason = (
                f"split '{space.split}' has {len(names)} class{'es' * (len(names) != 1)} with at "
                f"least {self.min_count} items of {column}; a probe needs two"
            )
            return [Skipped(f"{column} probe", reason)]
        vectors = space.embeddings.vectors[column][kept]
        majority = float(np.bincount(place).max() / len(place))
        measured: list[Measurement | Skipped] = []
        for method in self.methods:
            right = self._right(method, vectors, place, clusters, seed=space.seed)
            estimates = mean_estimates(space, {"accuracy": right}, clusters, {"accuracy": majority})
            estimates["t1"] = class_average(space, right, place, clusters, chance=1.0 / len(names))
            counts = np.bincount(place)
            details = [
                {
                    "name": space.embeddings.table.class_names[names[number]],
                    "queries": int(counts[number]),
                    "accuracy": float(right[place == number].mean()),
                }
                for number in range(len(names))
            ]
            measured.append(
                Measurement(
                    column,
                    f"{method.replace('_', ' ')} probe",
                    "accuracy",
                    estimates,
                    num_queries=len(kept),
                    num_left_out=len(space.embeddings.vectors[column]) - len(kept),
                    num_candidates=len(names),
                    protocol=self._protocol(method),
                    details={"classes": details},
                    queries=query_records(
                        space,
                        entries_of(space.embeddings, (column,)),
                        kept,
                        clusters=clusters,
                        score=right,
                        labels=tuple(label[:, None]),
                    ),
                    query_columns=(column,),
                )
            )
        return measured

    def _protocol(self, method: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "method": method,
            "folds": self.folds,
            "repeats": self.repeats,
            "min_count": self.min_count,
            "chance": "share of the largest class",
        }
        return {**found, "strength": self.strength} if method == "linear" else found

    def _right(
        self, method: Method, vectors: Vectors, label: Integers, clusters: Integers, *, seed: int
    ) -> NDArray[np.float64]:
        # Share of the repeats in which an item is classified rightly when its fold is left out.
        right = np.zeros(len(label))
        for repeat in range(self.repeats):
            for train, test in self._folds(label, clusters, seed=seed + repeat):
                predicted = predict(
                    method, vectors[train], label[train], vectors[test], strength=self.strength
                )
                right[test] += predicted == label[test]
        return right / self.repeats

    def _folds(
        self, label: Integers, clusters: Integers, *, seed: int
    ) -> Iterator[tuple[Integers, Integers]]:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

        # Items of one instance lie in one fold: else a probe would have seen the other caption.
        shared = len(np.unique(clusters)) < len(clusters)
        kind = StratifiedGroupKFold if shared else StratifiedKFold
        folds = kind(n_splits=self.folds, shuffle=True, random_state=seed)
        yield from folds.split(label, label, clusters if shared else None)
