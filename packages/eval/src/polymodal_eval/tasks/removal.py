"""Removal: which entries lose their value of a column when a share of its items is gone."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.entries import Entries
    from polymodal_eval.space import Space


def lost_entries(space: Space, entries: Entries, column: str, share: float) -> NDArray[np.bool_]:
    """Draw which entries lose `column`: bool [entries], those whose item of it is gone.

    The first `share` of the column's items in an order drawn by (seed, column) are gone: what is
    gone at one share is gone at every larger one, and with an item all rows that hold it lose it.
    """
    items, place = np.unique(entries.items_of(column), return_inverse=True)
    rng = np.random.default_rng([space.seed, zlib.crc32(column.encode())])
    gone = rng.permutation(len(items)) < round(share * len(items))
    return np.asarray(gone[place.ravel()])
