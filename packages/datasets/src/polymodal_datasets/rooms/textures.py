"""Colours of surfaces: floors, walls with what hangs on them, and objects. Linear RGB."""

from __future__ import annotations

from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import COLOURS, FLOORS, MATERIALS, WALLS
from polymodal_datasets.rooms.columns import read, write
from polymodal_datasets.rooms.scene import DECORATIONS, Scenes
from polymodal_datasets.rooms.tracing import BACK, CEILING, FLOOR

Array = np.ndarray[Any, np.dtype[Any]]


def _linear(*hexadecimal: str) -> Array:
    encoded = np.array([list(bytes.fromhex(code)) for code in hexadecimal]) / 255
    low, high = encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, low, high).astype(np.float32)


OBJECT_PALETTE = _linear(
    "d3222a", "f07818", "f6cb1c", "2f9e44", "1fb8b4", "2456c8", "7a35b8", "f26d9d"
)
"""[colours, 3] in the order of COLOURS."""
_WALL_PALETTE = _linear("dfdbd3", "e8c667", "93bb86", "7fabd6", "e5a0a8")
_WOOD, _LIGHT, _DARK, _TILE, _GROUT, _CARPET, _CEILING, _TRIM, _SKY, _HORIZON, _FRAME, _CANVAS = (
    _linear(
        *("a86d3c", "ebe6da", "33353d", "b5603f", "d9c7b4", "6e6a78"),
        *("f6f4ef", "f4f1ea", "5ea6ea", "c4e0f6", "4a2e1c", "f0dfb6"),
    )
)
_HILL, _SUN = _linear("4f7a5a", "e2703a")
_WHITE = _linear("f7f4ec")[0]

assert len(OBJECT_PALETTE) == len(COLOURS)
assert len(_WALL_PALETTE) == len(WALLS)


def room_colour(scenes: Scenes, rooms: Array, face: Array, p: Array) -> Array:
    """Albedo [3, points] of the sides `face` of `rooms` [points] at p [3, points]."""
    colour = np.empty_like(p)
    for paint, chosen in (
        (_paint_floor, face == FLOOR),
        (_paint_ceiling, face == CEILING),
        (_paint_wall, face > CEILING),
    ):
        where = np.flatnonzero(chosen)
        if len(where):
            write(colour, where, paint(scenes, rooms[where], face[where], read(p, where)))
    return colour


def object_colour(scenes: Scenes, objects: Array, local: Array) -> Array:
    """Albedo [3, points] of objects [points] at points `local` [3, points] of their unit solids.

    `objects` counts through [rooms, slots].
    """
    colour = read(OBJECT_PALETTE.T, scenes.colour.reshape(-1)[objects])
    striped = scenes.material.reshape(-1)[objects] == MATERIALS.index("striped")
    band = _fraction(local[1] * np.float32(1.6) + np.float32(0.3)) < 0.42
    colour[:, striped & band] = _WHITE[:, None]
    return colour


def _fraction(x: Array) -> Array:
    result: Array = x - np.floor(x)
    return result


def _speckle(a: Array, b: Array) -> Array:
    # A fixed value in [0, 1) for each cell (a, b) of a grid, by exact arithmetic alone.
    mixed = _fraction(a * np.float32(0.618034) + b * np.float32(0.754878))
    return _fraction(mixed * np.float32(43.75) + b * np.float32(0.3819))


def _paint_floor(scenes: Scenes, rooms: Array, face: Array, p: Array) -> Array:
    kind = scenes.floor[rooms]
    colour = np.empty_like(p)
    for number, name in enumerate(FLOORS):
        where = np.flatnonzero(kind == number)
        if len(where):
            write(colour, where, _FLOOR_PAINT[name](p[0][where], p[2][where]))
    colour *= scenes.tint[:, 1].astype(np.float32)[rooms]
    return colour


def _wooden(x: Array, z: Array) -> Array:
    plank = x / np.float32(0.3) + np.float32(100)
    column = np.floor(plank)
    along = z / np.float32(1.7) + _fraction(column * np.float32(0.381966))
    board = np.floor(along)
    shade = np.float32(0.72) + np.float32(0.5) * _speckle(column, board)
    gap = (plank - column < 0.07) | (along - board < 0.018)
    colour: Array = _WOOD[:, None] * np.where(gap, np.float32(0.38), shade)
    return colour


def _checkered(x: Array, z: Array) -> Array:
    cell = np.floor(x / np.float32(0.5)) + np.floor(z / np.float32(0.5))
    odd = _fraction(cell * np.float32(0.5)) > 0.25
    colour: Array = np.where(odd, _LIGHT[:, None], _DARK[:, None])
    return colour


def _tiled(x: Array, z: Array) -> Array:
    a, b = x / np.float32(0.46) + np.float32(100.5), z / np.float32(0.46)
    i, j = np.floor(a), np.floor(b)
    grout = (a - i < 0.09) | (b - j < 0.09)
    shade = np.float32(0.82) + np.float32(0.36) * _speckle(i, j)
    colour: Array = np.where(grout, _GROUT[:, None], _TILE[:, None] * shade)
    return colour


def _carpeted(x: Array, z: Array) -> Array:
    grain = _speckle(np.floor(x * np.float32(33)), np.floor(z * np.float32(33)))
    colour: Array = _CARPET[:, None] * (np.float32(0.88) + np.float32(0.24) * grain)
    return colour


_FLOOR_PAINT = {
    "wooden": _wooden,
    "checkered": _checkered,
    "tiled": _tiled,
    "carpeted": _carpeted,
}


def _paint_ceiling(scenes: Scenes, rooms: Array, face: Array, p: Array) -> Array:
    return np.broadcast_to(_CEILING[:, None], p.shape)


_SKIRTING = 0.11


def _paint_wall(scenes: Scenes, rooms: Array, face: Array, p: Array) -> Array:
    colour = read(_WALL_PALETTE.T, scenes.walls[rooms])
    colour *= scenes.tint[:, 0].astype(np.float32)[rooms]
    colour = np.where(p[1] < _SKIRTING, _TRIM[:, None], colour)
    for paint, kind in ((_window, "window"), (_painting, "painting")):
        hung = scenes.decoration[rooms] == DECORATIONS.index(kind)
        where = np.flatnonzero((face == BACK) & (p[2] > 0) & hung)
        x = (p[0][where] - scenes.decoration_x[rooms[where]].astype(np.float32)) / HALF_EXTENT[0]
        y = (p[1][where] - np.float32(HANGING_HEIGHT)) / HALF_EXTENT[1]
        inside = (np.abs(x) < 1) & (np.abs(y) < 1)
        where, x, y = where[inside], x[inside], y[inside]
        if len(where):
            write(colour, where, paint(x, y))
    return colour


HALF_EXTENT = np.array([0.5, 0.44], np.float32)
"""Half of the width and height of a window or painting, metres."""
HANGING_HEIGHT = 1.72


def _window(x: Array, y: Array) -> Array:
    frame = (np.abs(x) > 0.86) | (np.abs(y) > 0.84) | (np.abs(x) < 0.06) | (np.abs(y) < 0.07)
    height = np.float32(0.5) + np.float32(0.5) * y
    sky = _HORIZON[:, None] + (_SKY - _HORIZON)[:, None] * height
    # Brighter than paint of this colour: light comes through.
    colour: Array = np.where(frame, _TRIM[:, None], sky * np.float32(1.2))
    return colour


def _painting(x: Array, y: Array) -> Array:
    frame = (np.abs(x) > 0.82) | (np.abs(y) > 0.8)
    hill = y < np.float32(-0.05) + np.float32(0.35) * x * (1 - x)
    sun = (x + np.float32(0.3)) ** 2 + (y - np.float32(0.3)) ** 2 < 0.055
    picture = np.where(hill, _HILL[:, None], np.where(sun, _SUN[:, None], _CANVAS[:, None]))
    colour: Array = np.where(frame, _FRAME[:, None], picture)
    return colour
