"""Difficulty-aware batches: drawing an epoch of 100,000 rows, against a random order of them.

At the end of the curriculum, where half of each batch are partners; at once, and in parts between
which other neighbours were found. Finding these is not drawing, and not timed.
"""

from __future__ import annotations

import numpy as np
from polymodal_datasets.config import HardConfig
from polymodal_datasets.difficulty import EpochOrder, difficult_order
from polymodal_datasets.known_matches import KnownMatches
from polymodal_datasets.loading import even_order
from polymodal_datasets.neighbours import Neighbours
from side_by_side import medians, print_table

BATCH = 128
PARTS = 8


def main(*, quick: bool = False) -> None:
    """Print seconds of each way; `quick` draws a tenth of the rows."""
    count = 10_000 if quick else 100_000
    hard = HardConfig()
    rows = np.arange(count)
    rng = np.random.default_rng(0)
    # Five rows of each instance, and contents that repeat at random.
    ids = np.stack([rows // 5, count + rng.integers(0, count // 2, count)], axis=1)
    matches = KnownMatches(ids, np.array([True, True]))
    places = rng.integers(0, count, size=(count, hard.neighbours))
    scores = -np.sort(-rng.uniform(-0.2, 1, size=places.shape), axis=1)
    neighbours = Neighbours(places, scores.astype(np.float32))

    def draw(parts: int) -> EpochOrder:
        order = None
        for number in range(1, parts + 1):
            stop = None if number == parts else number * (count // BATCH) // parts
            order = difficult_order(
                rows, neighbours, matches, hard, batch_size=BATCH, seed=0, epoch=9, epochs=10,
                drawn=order, stop=stop,
            )  # fmt: skip
        assert order is not None
        return order

    ways = {
        "half of each batch hard": lambda: draw(1),
        f"the same, neighbours found {PARTS} times": lambda: draw(PARTS),
        "a random order": lambda: even_order(rows, seed=0, epoch=9),
    }
    times = medians(ways, rounds=1 if quick else 3)
    print_table(f"an epoch of {count:,} rows (goal: 10 s)", times, ours=next(iter(ways)))
