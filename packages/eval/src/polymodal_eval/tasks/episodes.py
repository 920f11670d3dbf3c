"""Episodes: N classes drawn, K examples and Q queries of each, many times (Vinyals et al. 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polymodal_eval.results import Measurement, Skipped, TaskResult, collect
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.classification import query_columns
from polymodal_eval.tasks.classifiers import Method, labelled_items, predict
from polymodal_eval.tasks.few_shot import drawn_support, too_few

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Episodes:
    """Measure N-way K-shot classification as its mean over episodes.

    The interval is customary, 1.96 standard errors over episodes: that of the mean which more
    episodes would give on these items, and not of other items.
    """

    def __init__(
        self,
        columns: tuple[str, ...] | None = None,
        *,
        ways: int = 5,
        shots: Sequence[int] = (1, 5),
        queries: int = 15,
        episodes: int = 600,
        methods: Sequence[Method] = ("class_mean",),
        strength: float = 10.0,
        neighbours: int = 5,
    ) -> None:
        """Choose columns (all, if None) and what an episode is made of."""
        self.columns = columns
        self.ways = ways
        self.shots = tuple(sorted(set(shots)))
        self.queries = queries
        self.episodes = episodes
        self.methods = tuple(methods)
        self.strength = strength
        self.neighbours = neighbours

    def __call__(self, space: Space) -> TaskResult:
        """Measure every column with every method and number of examples.

        Raises NotApplicable where no column has `ways` classes of enough items.
        """
        found = [
            item
            for column in query_columns(space, self.columns)
            for item in self._measure(space, column)
        ]
        return collect("episodes", space.split, found)

    def _measure(self, space: Space, column: str) -> list[Measurement | Skipped]:
        needed = self.shots[-1] + self.queries
        kept, label, clusters = labelled_items(space, column, min_count=needed)
        names, place = np.unique(label, return_inverse=True)
        if len(names) < self.ways:
            reason = too_few(space, column, len(names), self.ways, needed)
            return [Skipped(f"{column} episodes", reason)]
        vectors = space.embeddings.vectors[column][kept]
        drawn = [
            self._draw(place.astype(np.int64), clusters, len(names), space.seed, number)
            for number in range(self.episodes)
        ]
        found: list[Measurement | Skipped] = []
        for method in self.methods:
            for shots in self.shots:
                shares = np.array([self._share(vectors, one, method, shots) for one in drawn])
                found.append(self._measurement(column, shares, method, shots, len(kept)))
        return found

    def _draw(
        self, label: Integers, clusters: Integers, num_classes: int, seed: int, number: int
    ) -> Integers:
        # Places of items [ways, most shots + queries], the last of which are the queries.
        rng = np.random.default_rng([seed, number, self.ways])
        chosen = rng.choice(num_classes, self.ways, replace=False)
        inside = np.flatnonzero(np.isin(label, chosen))
        own = np.unique(label[inside], return_inverse=True)[1].astype(np.int64)
        needed = self.shots[-1] + self.queries
        return np.asarray(inside[drawn_support(own, clusters[inside], needed, rng)])

    def _share(
        self, vectors: NDArray[np.float32], drawn: Integers, method: Method, shots: int
    ) -> float:
        learned, asked = drawn[:, :shots], drawn[:, -self.queries :]
        way = np.arange(self.ways)
        predicted = predict(
            method,
            vectors[learned.ravel()],
            np.repeat(way, shots),
            vectors[asked.ravel()],
            strength=self.strength,
            neighbours=self.neighbours,
        )
        return float((predicted == np.repeat(way, self.queries)).mean())

    def _measurement(
        self, column: str, shares: Floats, method: Method, shots: int, size: int
    ) -> Measurement:
        mean = float(shares.mean())
        low = high = None
        if len(shares) > 1:
            error = 1.96 * float(shares.std(ddof=1)) / math.sqrt(len(shares))
            low, high = mean - error, mean + error
        return Measurement(
            column,
            f"{method.replace('_', ' ')}, {self.ways}-way {shots}-shot",
            "accuracy",
            {"accuracy": Estimate(mean, low, high, 1.0 / self.ways)},
            num_queries=size,
            num_candidates=self.ways,
            protocol={
                "method": method,
                "ways": self.ways,
                "shots": shots,
                "queries": self.queries,
                "episodes": self.episodes,
                "interval": "1.96 standard errors over episodes",
            },
            query_columns=(column,),
        )
