"""Another domain: the same rooms in other light and other shades, for tests of domain shift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from polymodal_datasets.rooms.scene import Scenes

Array = np.ndarray[Any, np.dtype[Any]]

_SHADES = np.array([0.55, 1.5, 0.5])
"""Of walls, floor and lamp, times what they are by day."""

_CAST = np.array([1.2, 0.95, 0.6], np.float32)
"""What the camera makes of red, green and blue in the light of the evening."""


def at_dusk(scenes: Scenes) -> Scenes:
    """Give the same rooms with a low lamp at the side, dark walls and bright floors.

    What is said of them stays true: objects, materials, kinds of walls and floors are the same.
    """
    light = scenes.light.copy()
    light[:, 0] = np.where(light[:, 0] < 0, 0.8, -0.8) * scenes.half_width
    light[:, 1] = 0.6 * light[:, 1]
    return replace(scenes, light=light, tint=scenes.tint * _SHADES)


def evening_colours(images: Array) -> Array:
    """Give pictures uint8 [rooms, height, width, 3] their warm cast."""
    cast: Array = np.minimum(images * _CAST + np.float32(0.5), 255).astype(np.uint8)
    return cast
