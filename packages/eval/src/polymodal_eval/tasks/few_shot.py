"""Few-shot classification: a few examples of every class on frozen embeddings, drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.class_scores import BY_CLASS, CLASS_SCORES, class_counts
from polymodal_eval.entries import entries_of
from polymodal_eval.results import Measurement, Skipped, TaskResult, collect
from polymodal_eval.statistics import Estimate, crossed_mean_interval
from polymodal_eval.tasks.classification import query_columns
from polymodal_eval.tasks.classifiers import Method, labelled_items, predict
from polymodal_eval.tasks.ranked import query_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Examples:
    """Items of a column, of classes that have enough.

    `kept` are their places in it, `label` their classes from 0, `clusters` [items] each; `numbers`
    and `names` [classes] are the classes' own.
    """

    column: str
    kept: Integers
    label: Integers
    clusters: Integers
    numbers: Integers
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Draws:
    """What was predicted in each draw [draws, items]; -1 for what it was learned from."""

    predicted: Integers

    def right(self, label: Integers) -> tuple[Floats, Floats]:
        """Give how often each item was right, and how often it was asked: [draws, items]."""
        asked = self.predicted >= 0
        return (self.predicted == label).astype(np.float64), asked.astype(np.float64)


class FewShot:
    """Learn classes from `shots` examples each, and classify the other items of the split."""

    def __init__(
        self,
        columns: tuple[str, ...] | None = None,
        *,
        shots: Sequence[int] = (1, 5, 10),
        methods: Sequence[Method] = ("linear", "class_mean", "neighbours"),
        draws: int = 20,
        strength: float = 10.0,
        neighbours: int = 5,
    ) -> None:
        """Choose columns (all, if None), numbers of examples, methods and number of draws."""
        self.columns = columns
        self.shots = tuple(sorted(set(shots)))
        self.methods = tuple(methods)
        self.draws = draws
        self.strength = strength
        self.neighbours = neighbours

    def __call__(self, space: Space) -> TaskResult:
        """Measure every column with every method and number of examples.

        Raises NotApplicable where no column has two classes of more than the largest number.
        """
        found = [
            item
            for column in query_columns(space, self.columns)
            for item in self._measure(space, column)
        ]
        return collect("few_shot", space.split, found)

    def _measure(self, space: Space, column: str) -> list[Measurement | Skipped]:
        needed = self.shots[-1] + 1
        kept, label, clusters = labelled_items(space, column, min_count=needed)
        names, place = np.unique(label, return_inverse=True)
        if len(names) < 2:
            return [Skipped(f"{column} few-shot", too_few(space, column, len(names), 2, needed))]
        examples = _Examples(
            column,
            kept,
            place.astype(np.int64),
            clusters,
            names,
            tuple(space.embeddings.table.class_names[name] for name in names),
        )
        # The same examples for every method, and those of fewer shots among those of more.
        supports = [
            drawn_support(
                examples.label, clusters, self.shots[-1], np.random.default_rng([space.seed, draw])
            )
            for draw in range(self.draws)
        ]
        return [
            self._one(space, examples, supports, method, shots)
            for method in self.methods
            for shots in self.shots
        ]

    def _one(
        self,
        space: Space,
        examples: _Examples,
        supports: Sequence[Integers],
        method: Method,
        shots: int,
    ) -> Measurement:
        vectors = space.embeddings.vectors[examples.column][examples.kept]
        predicted = np.full((self.draws, len(examples.kept)), -1, dtype=np.int64)
        for draw, support in enumerate(supports):
            learned = support[:, :shots].ravel()
            asked = ~np.isin(examples.clusters, examples.clusters[learned])
            predicted[draw, asked] = predict(
                method,
                vectors[learned],
                examples.label[learned],
                vectors[asked],
                strength=self.strength,
                neighbours=self.neighbours,
            )
        return self._measurement(space, examples, _Draws(predicted), method, shots)

    def _measurement(
        self, space: Space, examples: _Examples, draws: _Draws, method: Method, shots: int
    ) -> Measurement:
        right, asked = draws.right(examples.label)
        low, high = crossed_mean_interval(
            right, asked, examples.clusters, resamples=space.resamples, seed=space.seed
        ) or (None, None)
        often = asked.sum(axis=0)
        queries = np.flatnonzero(often)
        score = right.sum(axis=0)[queries] / often[queries]
        each = right.sum(axis=1) / asked.sum(axis=1)
        chance = 1.0 / len(examples.names)
        return Measurement(
            examples.column,
            f"{method.replace('_', ' ')}, {shots} per class",
            "accuracy",
            {"accuracy": Estimate(float(right.sum() / asked.sum()), low, high, chance)},
            num_queries=len(queries),
            num_left_out=len(space.embeddings.vectors[examples.column]) - len(queries),
            num_candidates=len(examples.names),
            protocol=self._protocol(method, shots),
            details={
                "draws": [float(value) for value in each],
                **_by_class(examples, draws, score, queries),
            },
            queries=query_records(
                space,
                entries_of(space.embeddings, (examples.column,)),
                examples.kept[queries],
                clusters=np.unique(examples.clusters[queries], return_inverse=True)[1].astype(
                    np.int64
                ),
                score=score,
                labels=tuple(examples.numbers[examples.label[queries]][:, None]),
            ),
            query_columns=(examples.column,),
        )

    def _protocol(self, method: Method, shots: int) -> dict[str, Any]:
        found: dict[str, Any] = {
            "method": method,
            "shots": shots,
            "most_shots": self.shots[-1],
            "draws": self.draws,
            "interval": "draws of examples and queries are resampled together",
        }
        if method == "linear":
            found["strength"] = self.strength
        if method == "neighbours":
            found["neighbours"] = min(self.neighbours, shots)
        return found


def drawn_support(
    label: Integers, clusters: Integers, shots: int, rng: np.random.Generator
) -> Integers:
    """Draw `shots` items of each class, no two of one cluster: their places [classes, shots].

    `label` [items] are 0, 1, ... and each class has at least so many clusters.
    """
    found = []
    order = rng.permutation(len(label))
    for number in range(int(label.max()) + 1):
        own = order[label[order] == number]
        # The first item of each cluster in a random order: a random one of a random cluster.
        first = np.sort(np.unique(clusters[own], return_index=True)[1])
        found.append(own[first[:shots]])
    return np.stack(found)


def too_few(space: Space, column: str, found: int, wanted: int, items: int) -> str:
    """Say that a split has too few classes with enough items."""
    return (
        f"split '{space.split}' has {found} class{'es' * (found != 1)} with at least {items} items "
        f"of {column}; {wanted} are needed"
    )


def _by_class(
    examples: _Examples, draws: _Draws, score: Floats, queries: Integers
) -> dict[str, Any]:
    size = len(examples.names)
    counts = []
    for predicted in draws.predicted:
        asked = np.flatnonzero(predicted >= 0)
        counts.append(class_counts(examples.label[asked], predicted[asked], size))
    scores = [item.scores() for item in counts]
    means = {
        name: Estimate(float(np.mean([item[name] for item in scores]))) for name in CLASS_SCORES
    }
    # Over the draws that ask for an example of the class.
    asked_for = np.stack([item.actual > 0 for item in counts])
    by_class = {
        name: np.stack([item.by_class()[name] for item in counts]).sum(axis=0, where=asked_for)
        / np.maximum(asked_for.sum(axis=0), 1)
        for name in BY_CLASS
    }
    label = examples.label[queries]
    return {
        "scores": {name: asdict(value) for name, value in means.items()},
        "classes": [
            {
                "name": name,
                "queries": int((label == number).sum()),
                "accuracy": float(score[label == number].mean()),
                **{score: float(values[number]) for score, values in by_class.items()},
            }
            for number, name in enumerate(examples.names)
        ],
    }
