"""Validation: all items of the validation rows embedded; R@1 of ordered pairs, or accuracy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from polymodal_core.objective import Classifier, classifier_of
from polymodal_eval.validation import average_accuracy, average_validation

from polymodal_trainer.embedding import embed_rows, num_items
from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    from numpy.typing import NDArray


def validate(setup: Setup, *, advance: Callable[[int], None] | None = None) -> dict[str, float]:
    """Give R@1 of every ordered pair over the validation rows, and their mean as `mean`.

    Where the objective classifies: the accuracy of each column alone, and of whole rows as `mean`.
    """
    embeddings = embed_rows(setup, setup.splits.validation, advance=advance)
    classifier = classifier_of(setup.objective)
    if classifier is None:
        return average_validation(embeddings)
    return average_accuracy(embeddings, partial(_scores, setup, classifier))


def measure_of(setup: Setup) -> str:
    """Name what `mean` is of."""
    return "R@1" if classifier_of(setup.objective) is None else "accuracy"


def _scores(
    setup: Setup, classifier: Classifier, columns: tuple[str, ...], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    with torch.inference_mode():
        found = classifier.logits(columns, torch.from_numpy(vectors).to(setup.precision.device))
        return np.asarray(found.float().cpu().numpy())


def num_validation_items(setup: Setup) -> int:
    """Count the items that a validation embeds."""
    return num_items(setup, setup.splits.validation)
