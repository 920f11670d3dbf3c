"""Which pairs of columns a run was trained on, by its recipe and its training split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymodal_core.errors import StoreError
from polymodal_datasets.config import DataConfig
from polymodal_datasets.splits import make_splits
from polymodal_eval.trained_pairs import Pairs, pairs_in_rows, pairs_of_objective
from pydantic import ValidationError

if TYPE_CHECKING:
    from polymodal_evaluator.opening import Opened


def trained_pairs(opened: Opened) -> Pairs | None:
    """Give the pairs of the objective that some training row holds both of.

    None where the recipe does not say. By the objective alone where the training rows cannot be
    found: in another store than the run was trained on, or without the splits it had.
    """
    state = opened.trained.checkpoint.state
    # As it was trained, whatever --set changes now.
    recipe: dict[str, Any] = state.get("recipe") or opened.trained.recipe.table
    pairs = pairs_of_objective(recipe, opened.trained.model.columns)
    if pairs is None or state.get("store") not in (None, opened.store.fingerprint):
        return pairs
    try:
        data = DataConfig.model_validate(recipe.get("data"))
        rows = make_splits(opened.store, data, int(recipe.get("seed", 0))).train
    except (ValidationError, StoreError):
        return pairs
    return pairs & pairs_in_rows(opened.store.table.select(rows))
