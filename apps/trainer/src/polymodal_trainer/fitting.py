"""What modalities learn from the training split before training: a tokenizer, a normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from polymodal_core.protocols import State
from polymodal_core.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.config import ModalityConfig
    from polymodal_datasets.store import Store


def fit_states(
    recipe: Recipe,
    store: Store,
    rows: NDArray[np.int64],
    *,
    advance: Callable[[str], None],
) -> dict[str, State]:
    """Fit the modality of every owner on the training values of all columns that share it.

    Targets are fitted with the options that the store was packed with, where the recipe leaves them
    out, and keep them. `advance` is called with the owner's name for every value read.
    """
    from polymodal_datasets.loading import fit_values

    states = {}
    for owner in dict.fromkeys(column.owner for column in recipe.columns.values()):
        sharing = [name for name, column in recipe.columns.items() if column.owner == owner]
        modality = recipe.columns[owner].modality.build()
        values = fit_values(store, sharing, rows, modality=modality)
        states[owner] = modality.fit(_counted(values, owner, advance))
    for name, config in recipe.targets.items():
        packed = _packed_options(config, store.column(name).options)
        modality = config.model_copy(update=packed).build(packed)
        values = fit_values(store, [name], rows, modality=modality)
        states[name] = {**packed, **modality.fit(_counted(values, name, advance))}
    return states


def _packed_options(config: ModalityConfig, stored: Mapping[str, Any]) -> dict[str, Any]:
    defaults = type(config).model_fields
    return {
        key: stored[key]
        for key in config.packing
        if key in stored and getattr(config, key) == defaults[key].default
    }


def _counted(values: Iterator[Any], owner: str, advance: Callable[[str], None]) -> Iterator[Any]:
    for value in values:
        yield value
        advance(owner)
