"""Validation: R@1 of ordered pairs of columns, or accuracy, or mean IoU, over validation rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from polymodal_core.errors import RunError
from polymodal_core.objective import Classifier, Segmenter, classifier_of, segmenter_of
from polymodal_datasets.loading import load_items
from polymodal_eval.pixel_counts import PixelCounts, count_pixels, joined_counts
from polymodal_eval.segmented_rows import segment_rows
from polymodal_eval.validation import average_accuracy, average_validation

from polymodal_trainer.embedding import embed_rows, num_items
from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs


def validate(setup: Setup, *, advance: Callable[[int], None] | None = None) -> dict[str, float]:
    """Give R@1 of every ordered pair over the validation rows, and their mean as `mean`.

    Where the objective classifies: the accuracy of each column alone, and of whole rows as `mean`.
    Where it segments pictures, the mean IoU likewise.
    """
    segmenter = segmenter_of(setup.objective)
    if segmenter is not None:
        return _mean_ious(setup, segmenter, advance)
    embeddings = embed_rows(setup, setup.splits.validation, advance=advance)
    classifier = classifier_of(setup.objective)
    if classifier is None:
        return average_validation(embeddings)
    return average_accuracy(embeddings, partial(_scores, setup, classifier))


def measure_of(setup: Setup) -> str:
    """Name what `mean` is of."""
    if segmenter_of(setup.objective) is not None:
        return "mean IoU"
    return "R@1" if classifier_of(setup.objective) is None else "accuracy"


def _scores(
    setup: Setup, classifier: Classifier, columns: tuple[str, ...], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    with torch.inference_mode():
        found = classifier.logits(columns, torch.from_numpy(vectors).to(setup.precision.device))
        return np.asarray(found.float().cpu().numpy())


def _mean_ious(
    setup: Setup, segmenter: Segmenter, advance: Callable[[int], None] | None
) -> dict[str, float]:
    rows = setup.splits.validation
    table = setup.store.table
    rows = rows[table.present(segmenter.target)[rows]]
    items = {name: table.items[name][rows] for name in setup.stage.columns}
    columns = list(items)
    uses = {"mean": columns}
    uses |= {f"{name} mean_iou": [name] for name in columns if name in segmenter.streams}
    every = {
        condition: {name: np.full(len(rows), name in used) for name in columns}
        for condition, used in uses.items()
    }

    def batches(column: str, wanted: NDArray[np.int64]) -> Iterable[Inputs]:
        return load_items(
            setup.store,
            column,
            setup.modalities[column],
            wanted,
            batch_size=setup.data.batch_size,
            workers=0,
        )

    found: dict[str, list[PixelCounts]] = {name: [] for name in uses}
    classes = len(setup.modalities[segmenter.target].spec()["classes"])
    device = str(setup.precision.device)
    with setup.precision.autocast():
        for places, maps in segment_rows(
            setup.model, segmenter, batches, items, every, device=device
        ):
            truths = table.items[segmenter.target][rows[places]]
            actual = np.concatenate([part.numpy() for part in batches(segmenter.target, truths)])
            for name, predicted in maps.items():
                found[name].append(count_pixels(actual, predicted, classes))
            if advance is not None:
                advance(len(places))
    if not found["mean"]:
        raise RunError(
            f"no row of the validation split has a value of '{segmenter.target}': there is nothing "
            f"to choose a checkpoint by; name another split in data.validation"
        )
    return {
        name: float(joined_counts(parts).total().scores()["mean_iou"])
        for name, parts in found.items()
    }


def num_validation_items(setup: Setup) -> int:
    """Count what a validation goes through: items that it embeds, or rows that it segments."""
    segmenter = segmenter_of(setup.objective)
    rows = setup.splits.validation
    if segmenter is not None:
        return int(setup.store.table.present(segmenter.target)[rows].sum())
    return num_items(setup, rows)
