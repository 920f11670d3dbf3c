"""The generators that a row gets."""

from __future__ import annotations

import numpy as np


def seeded(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Give `shared` and `own` from one seed."""
    return np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
