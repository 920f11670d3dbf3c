"""The questions that an evaluation asks: what they are worth, by whom and by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.relevance import item_keys
from polymodal_eval.statistics import Estimate, clusters_of
from polymodal_eval.tasks.ranked import mean_estimates
from polymodal_eval.tasks.vqa_answers import ANSWER_TYPES, Answered, people_said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

EXAMPLES = 6


@dataclass(frozen=True)
class Questions:
    """The questions that are measured: rows and store numbers [questions].

    `available` have answers; of these, `left_out` lack an input.
    """

    rows: Integers
    items: Integers
    asked: list[Answered]
    available: int
    left_out: int = 0

    def types(self) -> dict[str, NDArray[np.bool_]]:
        """Give the questions of each type of answer that occurs."""
        kinds = np.array([item.answer_type for item in self.asked])
        names = [*ANSWER_TYPES, *sorted(set(kinds.tolist()) - set(ANSWER_TYPES))]
        return {name: kinds == name for name in names if (kinds == name).any()}

    def clusters(self, space: Space) -> Integers:
        """Number what bootstraps draw whole: the questions about one picture."""
        numbers = np.arange(len(self.rows), dtype=np.int64)
        return clusters_of(item_keys(numbers, space.embeddings.table.instance[self.rows]))

    def scores(self, chosen: Sequence[str]) -> Floats:
        """Score an answer to each question: soft accuracies [questions]."""
        pairs = zip(self.asked, chosen, strict=True)
        return np.array([item.accuracy(answer) for item, answer in pairs])

    def worth(self, options: Sequence[Sequence[str]]) -> tuple[Floats, Floats]:
        """Say what the best and what a random one of each question's options is worth."""
        found = [
            [item.accuracy(text) for text in set(choices) if item.accepts(text)]
            for item, choices in zip(self.asked, options, strict=True)
        ]
        sizes = [len(choices) for choices in options]
        return (
            np.array([max(part, default=0.0) for part in found]),
            np.array([sum(part) / size for part, size in zip(found, sizes, strict=True)]),
        )

    def estimates(
        self, space: Space, score: Floats, by_chance: Floats | None
    ) -> dict[str, Estimate]:
        """Estimate `accuracy`, and the accuracy of each type of answer, from scores [questions]."""
        clusters = self.clusters(space)
        found: dict[str, Estimate] = {}
        for name, mask in {"accuracy": np.ones(len(score), dtype=bool), **self.types()}.items():
            part = np.unique(clusters[mask], return_inverse=True)[1].astype(np.int64)
            chance = None if by_chance is None else float(by_chance[mask].mean())
            found |= mean_estimates(space, {name: score[mask]}, part, {name: chance})
        return found

    def examples(
        self, space: Space, chosen: Sequence[str], usual: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Draw some by the seed, as plain data: the answer, the usual one, and what people said."""
        rng = np.random.default_rng(space.seed)
        size = len(self.asked)
        drawn = np.sort(rng.choice(size, min(EXAMPLES, size), replace=False))
        return [
            {
                "row": int(self.rows[number]),
                "question": item.question,
                "answer": chosen[number],
                "accuracy": item.accuracy(chosen[number]),
                "usual": usual[number],
                "usual_accuracy": item.accuracy(usual[number]),
                "people": [list(said) for said in people_said(item.answers)],
            }
            for number in drawn.tolist()
            for item in (self.asked[number],)
        ]
