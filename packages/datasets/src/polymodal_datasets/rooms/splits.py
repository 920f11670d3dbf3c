"""Which rooms of the endless sequence belong to which split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import HELD_OUT
from polymodal_datasets.rooms.scene import class_of

Array = np.ndarray[Any, np.dtype[Any]]

SPLITS = ("train", "validation", "test", "heldout")
"""`test` has new rooms of the classes of `train`, `heldout` rooms of classes held out of both."""


def split_indices(counts: Mapping[str, int]) -> dict[str, Array]:
    """Give each split its first `counts` rooms, ascending.

    Test rooms come before validation before training rooms, so that the number of the latter
    changes nothing for the former; and a room lies in the same split as its twin.
    """
    found: dict[str, Array] = {}
    start = 0
    for name in ("test", "validation", "train"):
        found[name], start = _take(start, counts.get(name, 0), held_out=False)
    found["heldout"], _ = _take(0, counts.get("heldout", 0), held_out=True)
    return {name: found[name] for name in SPLITS}


def _take(start: int, count: int, *, held_out: bool) -> tuple[Array, int]:
    # Rooms 2 p and 2 p + 1 are a pair; `start` counts the pairs of seen (held-out) classes.
    needed = (count + 1) // 2
    # A quarter of the classes is held out, so that there are enough among four times as many.
    pairs = np.arange(4 * (start + needed) + 4 * len(HELD_OUT))
    pairs = pairs[np.isin(class_of(2 * pairs), HELD_OUT) == held_out]
    pairs = pairs[start : start + needed]
    indices = (2 * pairs[:, None] + np.arange(2)).reshape(-1)[:count]
    return indices, start + needed
