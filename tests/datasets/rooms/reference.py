"""A ray tracer for single rays, in float64, by testing points along the ray for being inside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from polymodal_datasets.rooms.classes import SHAPES
from polymodal_datasets.rooms.scene import Scenes

Floats = NDArray[np.float64]


def inside(shape: str, p: Floats) -> Any:
    """Say which points [..., 3] of a solid's own frame lie in it."""
    x, y, z = np.moveaxis(p, -1, 0)
    match shape:
        case "sphere":
            return x**2 + y**2 + z**2 < 1
        case "cube":
            return np.abs(p).max(axis=-1) < 0.8
        case "cylinder":
            return (np.hypot(x, z) < 0.75) & (np.abs(y) < 0.95)
        case "cone":
            return (np.abs(y) < 1.05) & (np.hypot(x, z) < 0.9 * (1.05 - y) / 2.1)
        case "ring":
            return (np.hypot(x, y) - 0.7) ** 2 + z**2 < 0.3**2
        case "pyramid":
            return (np.abs(y) < 0.9) & (np.maximum(np.abs(x), np.abs(z)) < 0.9 * (0.9 - y) / 1.8)
    raise AssertionError(shape)


def camera_ray(scenes: Scenes, room: int, row: int, column: int, size: int) -> Floats:
    """Direction [3] through the middle of a pixel, one metre along the optical axis."""
    u = (2 * (column + 0.5) / size - 1) * 0.56
    v = (1 - 2 * (row + 0.5) / size) * 0.56
    right, up, forward = scenes.axes[room]
    return np.asarray(u * right + v * up + forward)


def first_object(
    scenes: Scenes, room: int, origin: Floats, direction: Floats, *, step: float = 1e-3
) -> tuple[float, int]:
    """First t at which a ray enters an object, to 1e-9, and its slot; infinity and -1 if none."""
    best, which = np.inf, -1
    for slot in np.flatnonzero(scenes.present[room]):
        t = np.arange(0.5, 7.0, step)
        within = _inside_object(scenes, room, int(slot), origin + t[:, None] * direction)
        if within.any():
            low, high = t[within.argmax()] - step, t[within.argmax()]
            while high - low > 1e-9:
                middle = (low + high) / 2
                if _inside_object(scenes, room, int(slot), origin + middle * direction):
                    high = middle
                else:
                    low = middle
            if high < best:
                best, which = float(high), int(slot)
    return best, which


def leave_room(scenes: Scenes, room: int, origin: Floats, direction: Floats) -> float:
    """T at which a ray meets floor, ceiling, side or back walls."""
    width, height, depth = (
        float(size[room]) for size in (scenes.half_width, scenes.height, scenes.depth)
    )
    planes = [(0, -width), (0, width), (1, 0.0), (1, height), (2, depth)]
    found = [(at - origin[axis]) / direction[axis] for axis, at in planes if direction[axis] != 0]
    return float(min(t for t in found if t > 0))


def _inside_object(scenes: Scenes, room: int, slot: int, p: Floats) -> Any:
    yaw, size = scenes.yaw[room, slot], scenes.size[room, slot]
    x, y, z = np.moveaxis(p - scenes.position[room, slot], -1, 0)
    turned = (np.cos(yaw) * x - np.sin(yaw) * z, y, np.sin(yaw) * x + np.cos(yaw) * z)
    return inside(SHAPES[scenes.shape[room, slot]], np.stack(turned, axis=-1) / size)
