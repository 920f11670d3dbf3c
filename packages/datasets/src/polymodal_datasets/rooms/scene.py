"""Rooms as arrays: what stands where, sampled by seed, one axis `rooms` for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import CLASSES, COLOURS, FLOORS, MATERIALS, SHAPES, WALLS
from polymodal_datasets.rooms.placement import CANDIDATES, place

Array = np.ndarray[Any, np.dtype[Any]]

SLOTS = 5
"""Objects per room at most; slot 0 is the large one that the class names."""
CAPTIONS = 10
"""Captions per room at most."""
CAPTION_DRAWS = 40
DECORATIONS = ("none", "window", "painting")

# Of the rooms with an odd index, this share repeats the room before, but for one object.
TWINS = 0.25


@dataclass(frozen=True)
class Scenes:
    """Some rooms. Metres; x to the right, y up from the floor, z away from the camera.

    The floor is y = 0, side walls x = ±half_width, back wall z = depth, the camera at z = 0.
    Integer arrays index the tuples of `classes` (`label`: CLASSES) and DECORATIONS.
    """

    index: Array
    """[rooms] position in the world's endless sequence."""
    label: Array
    """[rooms] class."""
    twin: Array
    """[rooms] True where the room repeats room `index - 1` but for colour or shape of slot 1."""
    half_width: Array
    height: Array
    depth: Array
    walls: Array
    floor: Array
    tint: Array
    """[rooms, 3] individual brightness of walls, floor and light, about 1."""
    decoration: Array
    decoration_x: Array
    """[rooms] centre of the window or painting on the back wall."""
    camera: Array
    """[rooms, 3] position."""
    axes: Array
    """[rooms, 3, 3] unit vectors right, up, forward of the camera."""
    light: Array
    """[rooms, 3] position of the lamp."""
    present: Array
    """[rooms, slots] whether the slot holds an object."""
    shape: Array
    colour: Array
    material: Array
    position: Array
    """[rooms, slots, 3] centre; every object stands on the floor."""
    size: Array
    """[rooms, slots] half of the object's extent: the radius of a sphere, nearly so for others."""
    yaw: Array
    """[rooms, slots] turn about the vertical, radians."""
    words: Array
    """[rooms, captions, draws] uniform draws that choose the wording of captions."""

    def __len__(self) -> int:
        """Count the rooms."""
        return len(self.index)


HALF_HEIGHTS = np.array([1.0, 0.8, 0.95, 1.05, 1.0, 0.9])
"""Height of each of SHAPES above its centre, in units of `size`."""


def sample_scenes(seed: int, indices: Array) -> Scenes:
    """Sample the rooms at `indices` [rooms] of the world `seed`; each depends on nothing else."""
    indices = np.asarray(indices, dtype=np.int64)
    draws = _Draws(_uniform(seed, indices))
    label = class_of(indices)
    twin = (draws(1)[:, 0] < TWINS) & (indices % 2 == 1)
    half_width = draws.between(2.05, 2.45)
    height, depth = draws.between(2.6, 2.9), draws.between(4.9, 5.6)
    tint = 1 + 0.07 * (2 * draws(3) - 1)
    decoration = draws.choice(len(DECORATIONS))
    decoration_x = draws.sign() * draws.between(0.75, 1.15)
    camera = np.stack(
        [draws.between(-0.3, 0.3), draws.between(1.5, 1.75), np.zeros(len(indices))], axis=1
    )
    target = np.stack(
        [draws.between(-0.12, 0.12), draws.between(0.62, 0.74), np.full(len(indices), 3.3)], axis=1
    )
    lamp_x = np.array([-1.45, 0.0, 1.45])[draws.choice(3)] + draws.between(-0.25, 0.25)
    light = np.stack([lamp_x, height - 0.3, draws.between(1.9, 3.1)], axis=1)
    colour, shape, material = _looks(draws, label, twin)
    main = draws.between(0.62, 0.72)
    other = np.where(draws(4) < 0.55, 0.22 + 0.05 * draws(4), 0.34 + 0.07 * draws(4))
    size = np.concatenate([main[:, None], other], axis=1)
    # No further, so that rings show their holes.
    yaw = 0.6 * (2 * draws(SLOTS) - 1)
    wanted = 1 + draws.choice(SLOTS - 1)
    ground, present = place(
        draws((SLOTS - 1) * CANDIDATES * 2).reshape(-1, SLOTS - 1, CANDIDATES, 2),
        main=np.stack([draws.between(-0.4, 0.4), draws.between(2.9, 3.4)], axis=1),
        size=size,
        wanted=wanted,
        camera=camera,
        half_width=half_width,
        depth=depth,
    )
    return Scenes(
        index=indices,
        label=label,
        twin=twin,
        half_width=half_width,
        height=height,
        depth=depth,
        walls=_class_values("walls")[label],
        floor=_class_values("floor")[label],
        tint=tint,
        decoration=decoration,
        decoration_x=decoration_x,
        camera=camera,
        axes=_look_at(camera, target),
        light=light,
        present=present,
        shape=shape,
        colour=colour,
        material=material,
        position=np.stack([ground[..., 0], size * HALF_HEIGHTS[shape], ground[..., 1]], axis=-1),
        size=size,
        yaw=yaw,
        words=draws(CAPTIONS * CAPTION_DRAWS).reshape(-1, CAPTIONS, CAPTION_DRAWS),
    )


def class_of(indices: Array) -> Array:
    """Class [rooms] of the rooms at `indices`: 80 pairs (2 p, 2 p + 1) in a row have all."""
    # The stride gives neighbouring pairs unlike classes.
    return (indices // 2 * 37) % len(CLASSES)


def in_view(scenes: Scenes) -> Array:
    """Centres of objects seen from the camera [rooms, slots, 3]: right, up, forward in metres."""
    offset = scenes.position - scenes.camera[:, None]
    centres: Array = (offset[:, :, None, :] * scenes.axes[:, None]).sum(axis=-1)
    return centres


class _Draws:
    """Hands out the columns of a matrix of uniform draws [rooms, draws] one after another."""

    def __init__(self, uniform: Array) -> None:
        self._uniform = uniform
        self._used = 0

    def __call__(self, count: int) -> Array:
        self._used += count
        assert self._used <= self._uniform.shape[1], "_DRAWS is too small"
        return self._uniform[:, self._used - count : self._used]

    def between(self, low: float, high: float) -> Array:
        return low + (high - low) * self(1)[:, 0]

    def choice(self, count: int) -> Array:
        return (self(1)[:, 0] * count).astype(np.int64)

    def sign(self) -> Array:
        return np.where(self(1)[:, 0] < 0.5, -1.0, 1.0)


_DRAWS = 800


def _uniform(seed: int, indices: Array) -> Array:
    # One generator per pair of rooms, since a twin takes the draws of the room before it. The
    # first draw of an odd room says whether it is a twin and stays its own.
    rows = np.empty((len(indices), _DRAWS))
    pair, both = -1, np.empty((2, _DRAWS))
    for row, index in enumerate(indices.tolist()):
        if index // 2 != pair:
            pair = index // 2
            both = np.random.default_rng((seed, pair)).random((2, _DRAWS))
            if both[1, 0] < TWINS:
                both[1, 1:] = both[0, 1:]
        rows[row] = both[index % 2]
    return rows


def _looks(draws: _Draws, label: Array, twin: Array) -> tuple[Array, Array, Array]:
    # Colours [rooms, slots] differ within a room, and from the word for its walls, so that
    # "the green cube" always says which one.
    order = draws(len(COLOURS)).copy()
    rooms = np.arange(len(label))
    order[rooms, _class_values("colour")[label]] = 2
    clash = np.array([COLOURS.index(name) if name in COLOURS else -1 for name in WALLS])
    clash = clash[_class_values("walls")[label]]
    order[rooms[clash >= 0], clash[clash >= 0]] = 3
    colour = np.argsort(order, axis=1)
    spare = colour[:, SLOTS - 1].copy()
    colour = np.concatenate([_class_values("colour")[label][:, None], colour[:, : SLOTS - 1]], 1)
    shape = (draws(SLOTS) * len(SHAPES)).astype(np.int64)
    shape[:, 0] = _class_values("shape")[label]
    material = (draws(SLOTS) * len(MATERIALS)).astype(np.int64)
    recolour = draws(1)[:, 0] < 0.6
    step = 1 + draws.choice(len(SHAPES) - 1)
    colour[:, 1] = np.where(twin & recolour, spare, colour[:, 1])
    shape[:, 1] = np.where(twin & ~recolour, (shape[:, 1] + step) % len(SHAPES), shape[:, 1])
    return colour, shape, material


def _look_at(camera: Array, target: Array) -> Array:
    forward = target - camera
    forward /= np.sqrt((forward**2).sum(axis=1, keepdims=True))
    right = np.stack([forward[:, 2], np.zeros(len(forward)), -forward[:, 0]], axis=1)
    right /= np.sqrt((right**2).sum(axis=1, keepdims=True))
    return np.stack([right, np.cross(forward, right), forward], axis=1)


_NAMES = {"shape": SHAPES, "colour": COLOURS, "walls": WALLS, "floor": FLOORS}


@cache
def _class_values(attribute: str) -> Array:
    names = _NAMES[attribute]
    return np.array([names.index(getattr(room_class, attribute)) for room_class in CLASSES])
