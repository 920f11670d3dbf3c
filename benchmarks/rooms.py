"""How many rooms the embedded world makes in a second, captions, depth and attributes included."""

from __future__ import annotations

from functools import partial

from polymodal_datasets.rooms.world import rooms
from side_by_side import medians, print_table


def make(number: int, *, threads: int) -> None:
    """Make rooms of 64 px with three captions each."""
    for _ in rooms(number, seed=0, size=64, captions=3, threads=threads):
        pass


def main(*, quick: bool = False) -> None:
    """Print rooms per second on one thread and on two."""
    number = 200 if quick else 1000
    ours = "two threads"
    found = medians(
        {ours: partial(make, number, threads=2), "one thread": partial(make, number, threads=1)},
        rounds=1 if quick else 3,
    )
    print_table(f"{number} rooms of 64 px", found, ours=ours, work=number)
