"""Limits of a contrastive objective's temperature."""

from __future__ import annotations

import math

from polymodal_losses.errors import ObjectiveError

MAX_LOGIT_SCALE = 100.0
"""A learnable 1/temperature is clamped here, as in CLIP: beyond it training becomes unstable."""


def temperature_of(log_scale: float) -> float:
    """Give the temperature of a log of 1/temperature; infinite where float64 cannot hold it."""
    try:
        return math.exp(-log_scale)
    except OverflowError:  # a step far too wide has thrown the parameter away
        return math.inf


def check_temperature(temperature: float, *, learnable: bool) -> None:
    """Check a temperature; raises ObjectiveError that says what is accepted."""
    if not (math.isfinite(temperature) and temperature > 0):
        raise ObjectiveError(f"temperature is {temperature}; wanted a finite number > 0")
    lowest = 1 / MAX_LOGIT_SCALE
    if learnable and temperature < lowest:
        raise ObjectiveError(
            f"temperature is {temperature}, but a learnable one is kept at {lowest} or above; "
            "start higher, or fix it with learnable=False"
        )
