"""Ways to damage a depth map, for measuring robustness: severity 0 changes nothing, 1 is worst.

Each takes uint16 [height, width] in mm, a severity in 0..1 and a generator. Where there was no
reading there is none afterwards; only `holes` takes readings away. `of_readings` has one damage the
millimetres of an estimate and leave its confidence alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polymodal_depth.confidence import readings
from polymodal_depth.millimetres import FARTHEST, Millimetres

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.protocols import Corruption

HOLES = 0.8
"""Largest share of the map that loses its readings."""
HOLES_ACROSS = 12
"""Number of holes that would cover the short side."""
STEP = 1000
"""Coarsest step of quantisation, in mm."""
NOISE = 0.2
"""Standard deviation of the worst noise, relative to the depth."""
SCALE = 0.5
"""Largest error of scale."""


def holes(value: Millimetres, severity: float, rng: np.random.Generator) -> Millimetres:
    """Take the readings of square blocks away."""
    side = max(1, min(value.shape) // HOLES_ACROSS)
    rows, columns = (-(-length // side) for length in value.shape)
    lost = rng.random((rows, columns)) < HOLES * severity
    mask = np.kron(lost, np.ones((side, side), dtype=np.bool_))
    return np.where(mask[: value.shape[0], : value.shape[1]], np.uint16(0), value)


def quantise(value: Millimetres, severity: float, rng: np.random.Generator) -> Millimetres:
    """Round to steps of up to a metre, upwards; nothing in it is random."""
    step = 1 + severity * (STEP - 1)
    return _kept(value, np.ceil(value / step) * step)


def noise(value: Millimetres, severity: float, rng: np.random.Generator) -> Millimetres:
    """Add Gaussian noise that grows with the depth, as a sensor's does."""
    return _kept(value, value * (1 + severity * NOISE * rng.standard_normal(value.shape)))


def scale(value: Millimetres, severity: float, rng: np.random.Generator) -> Millimetres:
    """Make the whole map nearer or farther, whichever the generator says."""
    return _kept(value, value * (1 + severity * SCALE * rng.choice((-1, 1))))


def _kept(value: Millimetres, changed: NDArray[np.float64]) -> Millimetres:
    readings = np.clip(np.rint(changed), 1, FARTHEST)
    return np.where(value > 0, readings, 0).astype(np.uint16)


def of_readings(corrupt: Corruption) -> Corruption:
    """Give the same damage for values [height, width, 2] with confidence too."""

    def damage(value: Millimetres, severity: float, rng: np.random.Generator) -> Millimetres:
        damaged: Millimetres = corrupt(readings(value), severity, rng)
        if value.ndim == 2:
            return damaged
        return np.stack((damaged, np.where(damaged > 0, value[..., 1], 0)), axis=-1)

    return damage


CORRUPTIONS: dict[str, Corruption] = {
    "holes": holes,
    "quantise": quantise,
    "noise": noise,
    "scale": scale,
}
