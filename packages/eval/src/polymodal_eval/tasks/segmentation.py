"""Segmentation by the decoders that a run has trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from polymodal_eval.pixel_counts import (
    PixelCounts,
    count_pixels,
    joined_counts,
    pack_counts,
    resampled_pixel_scores,
)
from polymodal_eval.relevance import item_keys
from polymodal_eval.results import Gain, Measurement, NotApplicable, QueryRecords, TaskResult
from polymodal_eval.statistics import Estimate, clusters_of, percentile_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.segmented_rows import SegmentedSplit
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Uses = dict[str, NDArray[np.bool_]]

ROW = "row"
"""What a picture is called that is segmented by whatever columns its row has."""

HEADLINE = "mean_iou"


class SegmentationTask:
    """Predict the class of every pixel as the run's objective does, and count what is right.

    The mean IoU is of all pixels of the split together, its intervals over pictures. Rows keep
    their numbers in the store, so that runs of other columns are compared picture by picture.
    """

    def __init__(
        self,
        remove: tuple[str, ...] | None = None,
        *,
        missing: tuple[float, ...] = (0.5, 1.0),
        pictures: int = 8,
    ) -> None:
        """Choose the columns that rows lose, in what shares, and how many pictures are shown."""
        self.remove, self.missing, self.pictures = remove, missing, pictures

    def __call__(self, space: Space) -> TaskResult:
        """Measure whole rows, streams alone, and rows that lack a column.

        Raises NotApplicable for a run that predicts no label maps, or a split without any.
        """
        split = space.segmented
        if split is None:
            raise NotApplicable(
                "the run's objective predicts no label maps; train it with a segmentation objective"
            )
        if not len(split.truths):
            raise NotApplicable(f"no row of split '{space.split}' has a '{split.target}'")
        uses = {name: use for name, (use, _) in self._conditions(space, split).items()}
        protocols = {name: given for name, (_, given) in self._conditions(space, split).items()}
        parts: dict[str, list[PixelCounts]] = {name: [] for name in uses}
        for places, maps in split.predict(uses):
            actual = split.actual(places)
            for name, predicted in maps.items():
                parts[name].append(count_pixels(actual, predicted, len(split.classes)))
        counts = {name: joined_counts(found) for name, found in parts.items()}
        clusters = _clusters(space, split)
        found = tuple(
            self._measurement(space, split, name, counts, clusters, protocols[name])
            for name in counts
        )
        return TaskResult("segmentation", space.split, found)

    def _conditions(
        self, space: Space, split: SegmentedSplit
    ) -> dict[str, tuple[Uses, dict[str, Any]]]:
        count = len(split.truths)
        every = {name: np.ones(count, dtype=np.bool_) for name in split.columns}
        found: dict[str, tuple[Uses, dict[str, Any]]] = {ROW: (every, {})}
        for name in split.streams:
            alone = {other: np.full(count, other == name) for other in split.columns}
            found[name] = (alone, {})
        others = [name for name in split.columns if name != split.visual]
        for name in others if self.remove is None else self.remove:
            order = np.random.default_rng([space.seed, split.columns.index(name)])
            drawn = order.permutation(count)
            for share in self.missing:
                kept = np.ones(count, dtype=np.bool_)
                kept[drawn[: round(share * count)]] = False
                label = f"{ROW}, {100 * share:g} % without {name}"
                found[label] = ({**every, name: kept}, {"without": name, "share": share})
        return found

    def _measurement(
        self,
        space: Space,
        split: SegmentedSplit,
        name: str,
        counts: Mapping[str, PixelCounts],
        clusters: Integers,
        protocol: dict[str, Any],
    ) -> Measurement:
        own = counts[name]
        whole = own.total()
        drawn = _drawn(space, own, clusters)
        chances = _chances(whole)
        estimates = {
            metric: _estimate(
                float(value), None if drawn is None else drawn[metric], metric, chances
            )
            for metric, value in whole.scores().items()
        }
        iou, accuracy = whole.iou(), whole.right / np.maximum(whole.actual, 1)
        classes = [
            {
                "name": split.classes[number],
                "pixels": int(whole.actual[number]),
                "iou": float(iou[number]),
                "accuracy": float(accuracy[number]),
            }
            for number in np.flatnonzero(whole.actual)
        ]
        per_picture = own.scores()[HEADLINE]
        gains = []
        if name.startswith(ROW):
            bases = split.streams if name == ROW else (split.visual,)
            gains = [_gain(space, split, own, base, counts[base], clusters) for base in bases]
        return Measurement(
            name,
            split.target,
            HEADLINE,
            estimates,
            num_queries=len(clusters),
            num_left_out=len(space.embeddings.table) - len(clusters),
            num_candidates=len(classes),
            protocol={"scores": "decoder", **protocol},
            details={"segmented": classes, "pictures": self.pictures},
            queries=QueryRecords(
                item=split.truths,
                id=tuple(space.identify(split.target, int(item)) for item in split.truths),
                instance=space.embeddings.table.instance[split.places],
                cluster=clusters,
                score=per_picture,
                pixels=pack_counts(own),
            ),
            # Rows are known by their name: those that lack a column are of the same columns.
            query_columns=(name,) if name in split.columns else (),
            gains=tuple(gains) if len(split.columns) > 1 else (),
        )


def _clusters(space: Space, split: SegmentedSplit) -> Integers:
    # Rows of one instance, and rows that share an item, are no independent pictures.
    rows = np.arange(len(split.truths))
    keys = [item_keys(rows, space.embeddings.table.instance[split.places])]
    keys += [item_keys(rows, np.unique(items, return_inverse=True)[1]) for items in (split.truths,)]
    visual = split.items[split.visual]
    place = np.unique(visual, return_inverse=True)[1].ravel()
    keys.append(item_keys(rows, np.where(visual >= 0, place, -1)))
    return clusters_of(sparse.hstack(keys).tocsr())


def _drawn(space: Space, counts: PixelCounts, clusters: Integers) -> Mapping[str, Floats] | None:
    return resampled_pixel_scores(counts, clusters, resamples=space.resamples, seed=space.seed)


def _chances(whole: PixelCounts) -> dict[str, float]:
    # Of a map that takes every pixel for the most frequent class.
    most = float(whole.actual.max() / whole.actual.sum())
    occurring = int((whole.actual > 0).sum())
    return {"mean_iou": most / occurring, "pixel_accuracy": most, "class_accuracy": 1 / occurring}


def _estimate(
    value: float, drawn: Floats | None, metric: str, chances: Mapping[str, float]
) -> Estimate:
    if drawn is None:
        return Estimate(value, chance=chances[metric])
    low, high = map(float, percentile_intervals(drawn[:, None])[0])
    return Estimate(value, low, high, chance=chances[metric])


def _gain(
    space: Space,
    split: SegmentedSplit,
    own: PixelCounts,
    base: str,
    counts: PixelCounts,
    clusters: Integers,
) -> Gain:
    # In the rows that have the column.
    has = np.flatnonzero(split.items[base] >= 0)
    first, second = own.take(has), counts.take(has)
    value = float(second.total().scores()[HEADLINE])
    difference = float(first.total().scores()[HEADLINE]) - value
    some = np.unique(clusters[has], return_inverse=True)[1].ravel().astype(np.int64)
    drawn = [_drawn(space, part, some) for part in (first, second)]
    if drawn[0] is None or drawn[1] is None:
        return Gain(base, split.target, value, Estimate(difference, chance=0.0))
    spread = drawn[0][HEADLINE] - drawn[1][HEADLINE]
    low, high = map(float, percentile_intervals(spread[:, None])[0])
    return Gain(base, split.target, value, Estimate(difference, low, high, chance=0.0))
