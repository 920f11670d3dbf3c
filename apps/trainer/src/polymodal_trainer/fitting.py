"""What modalities learn from the training split before training: a tokenizer, a normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from polymodal_core.protocols import State
from polymodal_core.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_datasets.store import Store


def fit_states(
    recipe: Recipe,
    store: Store,
    rows: NDArray[np.int64],
    *,
    advance: Callable[[str], None],
) -> dict[str, State]:
    """Fit the modality of every owner on the training values of all columns that share it.

    `advance` is called with the owner's name for every value read.
    """
    from polymodal_datasets.loading import fit_values

    states = {}
    for owner in dict.fromkeys(column.owner for column in recipe.columns.values()):
        sharing = [name for name, column in recipe.columns.items() if column.owner == owner]
        modality = recipe.columns[owner].modality.build()
        values = fit_values(store, sharing, rows, modality=modality)
        states[owner] = modality.fit(_counted(values, owner, advance))
    return states


def _counted(values: Iterator[Any], owner: str, advance: Callable[[str], None]) -> Iterator[Any]:
    for value in values:
        yield value
        advance(owner)
