"""Pictures and depth maps of rooms."""

from __future__ import annotations

from typing import Any

import numpy as np

from polymodal_datasets.rooms.scene import Scenes
from polymodal_datasets.rooms.shading import LAMP, shade, surfaces
from polymodal_datasets.rooms.tracing import Hits, trace

Array = np.ndarray[Any, np.dtype[Any]]

HALF_VIEW = np.float32(0.56)
"""Tangent of half the angle of view, in both directions."""

# The share of pixels, those of most contrast, whose colour is the mean of further rays.
_REFINED = 0.25
_WITHIN = np.array([[-0.125, -0.375], [0.375, -0.125], [-0.375, 0.125], [0.125, 0.375]], np.float32)


def render(scenes: Scenes, *, size: int) -> tuple[Array, Array]:
    """Render pictures uint8 [rooms, size, size, 3] and depth float32 [rooms, size, size].

    Depth is in metres along the optical axis, as depth cameras give it, of the very ray through
    the middle of the pixel; where colours change, further rays smooth the picture alone.
    """
    rooms = len(scenes)
    middle = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size
    across, down = np.meshgrid(middle, middle)
    across = np.broadcast_to(across.ravel(), (rooms, size * size))
    down = np.broadcast_to(down.ravel(), (rooms, size * size))
    light, hits = _look(scenes, across, down, np.repeat(LAMP[:, :, None], size * size, axis=2))
    if size >= 2:
        _refine(scenes, light, hits, size)
    encoded = _encode(light).reshape(3, rooms, size, size)
    return np.ascontiguousarray(np.moveaxis(encoded, 0, -1)), hits.t.reshape(rooms, size, size)


def _look(scenes: Scenes, across: Array, down: Array, lamp: Array) -> tuple[Array, Hits]:
    # Tone-mapped light [3, rooms, rays] through places in the picture, 0..1 rightwards and down.
    u, v = (2 * across - 1) * HALF_VIEW, (1 - 2 * down) * HALF_VIEW
    right, up, forward = scenes.axes.astype(np.float32).transpose(1, 2, 0)[..., None]
    # The forward component is 1, so that t is depth along the optical axis.
    direction = right * u + up * v + forward
    hits = trace(scenes, scenes.camera, direction)
    light = shade(scenes, direction, surfaces(scenes, direction, hits), lamp)
    return _tone(light), hits


def _refine(scenes: Scenes, light: Array, hits: Hits, size: int) -> None:
    rooms = len(scenes)
    count = max(1, round(_REFINED * size * size))
    contrast = _contrast(light, hits, size)
    chosen = np.sort(np.argpartition(contrast, size * size - count, axis=1)[:, -count:], axis=1)
    rows = np.arange(rooms)[:, None]
    row, column = np.divmod(chosen, size)
    right, below = _WITHIN.T[:, None, :, None]
    across = (column[:, None].astype(np.float32) + np.float32(0.5) + right) / size
    down = (row[:, None].astype(np.float32) + np.float32(0.5) + below) / size
    # Each of the further rays sees another point of the lamp, so that shadows stay soft.
    lamp = np.repeat(LAMP.T, count, axis=1)[None]
    more, _ = _look(scenes, across.reshape(rooms, -1), down.reshape(rooms, -1), lamp)
    a, b, c, d = np.moveaxis(more.reshape(3, rooms, len(LAMP), count), 2, 0)
    light[:, rows, chosen] = (light[:, rows, chosen] + a + b + c + d) / np.float32(5)


def _contrast(light: Array, hits: Hits, size: int) -> Array:
    # Largest difference to a neighbour [rooms, pixels]; edges of objects count even where faint.
    seen = np.sqrt(light[0] + 2 * light[1] + light[2]) + np.float32(0.25) * hits.slot
    seen = seen.reshape(-1, size, size)
    contrast = np.zeros_like(seen)
    for axis in (1, 2):
        step = np.abs(np.diff(seen, axis=axis))
        first = [slice(None)] * 3
        last = [slice(None)] * 3
        first[axis], last[axis] = slice(0, -1), slice(1, None)
        for part in (tuple(first), tuple(last)):
            np.maximum(contrast[part], step, out=contrast[part])
    mapped: Array = contrast.reshape(len(seen), -1)
    return mapped


_EXPOSURE = np.float32(1.1)
_WHITE = np.float32(2.2)


def _tone(light: Array) -> Array:
    # Reinhard's curve with a white point: highlights roll off, _WHITE maps to 1.
    light = light * _EXPOSURE
    return np.minimum(light * (1 + light / (_WHITE * _WHITE)) / (1 + light * np.float32(0.45)), 1)


def _encode(light: Array) -> Array:
    return _SRGB[(light * np.float32(len(_SRGB) - 1) + np.float32(0.5)).astype(np.uint16)]


def _srgb() -> Array:
    linear = np.linspace(0, 1, 4096)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


_SRGB = _srgb()
