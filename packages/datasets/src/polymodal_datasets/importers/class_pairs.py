"""Pairing what has nothing in common but its class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def class_pairs(
    first: Sequence[tuple[str, A]],
    second: Mapping[str, Sequence[B]],
    *,
    times: int,
    seed: int,
) -> list[tuple[str, A, B]]:
    """Pair each of `first` (class, value), in order, with `times` different values of its class.

    The values of a class in `second` are gone through in an order drawn by `seed`, again and
    again: each is used as often as any other, give or take one. Classes without a second value
    give no pairs, and fewer than `times` values are not repeated for the same first.
    """
    import numpy as np

    order = {
        name: [
            values[place]
            for place in np.random.default_rng((seed, number)).permutation(len(values))
        ]
        for number, (name, values) in enumerate(sorted(second.items()))
    }
    used = dict.fromkeys(second, 0)
    pairs = []
    for name, value in first:
        partners = order.get(name, [])
        for _ in range(min(times, len(partners))):
            pairs.append((name, value, partners[used[name] % len(partners)]))
            used[name] += 1
    return pairs
