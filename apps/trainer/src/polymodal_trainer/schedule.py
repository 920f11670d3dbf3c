"""The learning rate's course over a run, a pure function of the step: nothing to save."""

from __future__ import annotations

import math

from polymodal_trainer.config import TrainingConfig


def warmup_steps(warmup: float, total: int) -> int:
    """Give the length of the warm-up in steps: a whole number of them, or a share of `total`."""
    return warmup if isinstance(warmup, int) else round(warmup * total)


def learning_rate_factor(step: int, total: int, config: TrainingConfig) -> float:
    """Give what the peak learning rate is multiplied with in `step` (0-based) of `total`.

    Linear warm-up that ends at 1, then half a cosine from 1 down to `floor` in the last step.
    """
    warmup = warmup_steps(config.warmup, total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if config.schedule == "constant":
        return 1.0
    done = (step - warmup) / max(1, total - 1 - warmup)
    return config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
