"""The class layers of a run, where its objective has trained any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from polymodal_core.errors import CheckpointError
from polymodal_core.objective import Classifier, classifier_of
from polymodal_core.plugins import Registry

from polymodal_evaluator.opening import Opened
from polymodal_evaluator.trained_objective import trained_objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


def class_scores(
    opened: Opened, *, registry: Registry, device: str
) -> Callable[[tuple[str, ...], Vectors], Vectors] | None:
    """Give what scores vectors [rows, dim] of columns together for the classes [rows, classes].

    None where the objective that the run was trained with classifies nothing. Its package is
    needed here, as it is to train. Raises PolymodalError where it is missing, or has changed.
    """
    state = opened.trained.checkpoint.state
    if "classes" not in (state.get("objective") or {}):
        return None
    classifier = _classifier(opened, registry, device)

    def score(columns: tuple[str, ...], vectors: Vectors) -> Vectors:
        with torch.inference_mode():
            found = classifier.logits(columns, torch.from_numpy(vectors).to(device))
            return np.asarray(found.float().cpu().numpy())

    return score


def _classifier(opened: Opened, registry: Registry, device: str) -> Classifier:
    classifier = classifier_of(trained_objective(opened, registry=registry, device=device))
    if classifier is None:
        source = f"{opened.run.path} ({opened.checkpoint})"
        raise CheckpointError(f"{source}: its objective was to classify, and has no class layers")
    return classifier
