"""The label maps of a split: those that the store holds, and those that a run predicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from polymodal_core.objective import segmenter_of
from polymodal_core.plugins import Registry
from polymodal_datasets.loading import load_items
from polymodal_eval.segmented_rows import SegmentedSplit, segment_rows

from polymodal_evaluator.opening import Opened
from polymodal_evaluator.trained_objective import trained_objective

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]


class Segmenting:
    """Gives the label maps of a split; None where the run has learned to predict none."""

    def __init__(self, opened: Opened, *, registry: Registry, device: str) -> None:
        """Load the decoders of the run; raises PolymodalError where these are missing or unfit."""
        self._opened = opened
        self._device = device
        given = opened.trained.checkpoint.state.get("objective") or {}
        self._segmenter = (
            segmenter_of(trained_objective(opened, registry=registry, device=device))
            if "targets" in given
            else None
        )

    def __call__(self, rows: Integers) -> SegmentedSplit | None:
        """Give the maps of a split's `rows`, of those that have one in the store."""
        segmenter, opened = self._segmenter, self._opened
        if segmenter is None:
            return None
        table, model = opened.store.table, opened.trained.model
        target = opened.trained.modalities[segmenter.target]
        kept = np.flatnonzero(table.present(segmenter.target)[rows])
        numbers = rows[kept]
        items = {name: table.items[name][numbers] for name in model.columns}
        truths = table.items[segmenter.target][numbers]
        spec = target.spec()

        def predict(
            uses: Mapping[str, Mapping[str, Booleans]], places: Integers | None = None
        ) -> Iterator[tuple[Integers, dict[str, Integers]]]:
            chosen = np.arange(len(numbers)) if places is None else places
            part = {name: found[chosen] for name, found in items.items()}
            some = {
                condition: {name: mask[chosen] for name, mask in use.items()}
                for condition, use in uses.items()
            }
            found = segment_rows(model, segmenter, self._batches, part, some, device=self._device)
            return ((chosen[at], maps) for at, maps in found)

        def actual(places: Integers) -> Integers:
            parts = [np.asarray(part) for part in self._batches(segmenter.target, truths[places])]
            return np.concatenate(parts)

        def colour(label_map: Integers) -> NDArray[np.uint8]:
            ignored = 255 if spec["ignore"] is None else spec["ignore"]
            raw = np.where(label_map < 0, ignored, label_map).astype(np.uint8)
            return np.asarray(target.show(raw))

        return SegmentedSplit(
            target=segmenter.target,
            visual=segmenter.visual,
            streams=segmenter.streams,
            classes=tuple(spec["classes"]),
            columns=tuple(model.columns),
            items=items,
            truths=truths,
            places=kept,
            predict=predict,
            actual=actual,
            colour=colour,
        )

    def _batches(self, column: str, items: Integers) -> Iterable[Inputs]:
        opened = self._opened
        return load_items(
            opened.store,
            column,
            opened.trained.modalities[column],
            items,
            batch_size=opened.evaluation.batch_size,
            workers=0,
        )
