"""Where the smaller objects of a room stand: on the floor, apart, and visible."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

CANDIDATES = 40
"""Places tried for each object; where none fits, the room has one object fewer, two at least."""

# In units of an object's size: the widest footprint of all shapes (a pyramid's corner).
_FOOTPRINT = 1.25
# Tangent of half the angle of view within which objects stay.
_VISIBLE = 0.5
# Share of the sum of two radii by which centres are apart in the picture, so that no object hides
# another.
_OVERLAP = 1.0


def place(
    uniform: Array,
    *,
    main: Array,
    size: Array,
    wanted: Array,
    camera: Array,
    half_width: Array,
    depth: Array,
) -> tuple[Array, Array]:
    """Choose ground positions (x, z) [rooms, slots, 2] and which slots are filled [rooms, slots].

    `uniform` [rooms, slots - 1, candidates, 2] are draws in [0, 1), `main` [rooms, 2] the place of
    slot 0, `size` [rooms, slots], `wanted` [rooms] how many smaller objects there should be.
    """
    rooms, others = uniform.shape[:2]
    ground = np.zeros((rooms, others + 1, 2))
    present = np.zeros((rooms, others + 1), dtype=bool)
    ground[:, 0], present[:, 0] = main, True
    for slot in range(1, others + 1):
        radius = size[:, slot, None]
        near, far = 2.0 + radius, depth[:, None] - 0.1 - _FOOTPRINT * radius
        z = near + (far - near) * uniform[:, slot - 1, :, 1]
        reach_at_walls = half_width[:, None] - 0.08 - _FOOTPRINT * radius
        reach = np.minimum(reach_at_walls, _VISIBLE * z - radius)
        x = reach * (2 * uniform[:, slot - 1, :, 0] - 1)
        if slot == 1:
            # The last candidate always fits: no room has its large object alone.
            z[:, -1] = np.minimum(main[:, 1] + 1.2, far[:, 0])
            aside = np.minimum(reach_at_walls[:, 0], _VISIBLE * z[:, -1] - radius[:, 0])
            seen = (main[:, 0] - camera[:, 0]) / main[:, 1] + camera[:, 0] / z[:, -1]
            x[:, -1] = np.where(seen > 0, -aside, aside)
        free = np.ones(x.shape, dtype=bool)
        for earlier in range(slot):
            fits = _apart(
                (x, z, radius),
                (ground[:, earlier, 0, None], ground[:, earlier, 1, None], size[:, earlier, None]),
                camera=camera,
            )
            free &= fits | ~present[:, earlier, None]
        first = free.argmax(axis=1)
        rows = np.arange(rooms)
        ground[:, slot, 0], ground[:, slot, 1] = x[rows, first], z[rows, first]
        present[:, slot] = free[rows, first] & (slot <= wanted)
    return ground, present


def _apart(a: tuple[Array, Array, Array], b: tuple[Array, Array, Array], *, camera: Array) -> Array:
    (ax, az, ar), (bx, bz, br) = a, b
    gap = _FOOTPRINT * (ar + br) + 0.03
    on_floor = (ax - bx) ** 2 + (az - bz) ** 2 > gap**2
    (au, av, as_), (bu, bv, bs) = (_project(x, z, r, camera) for x, z, r in (a, b))
    in_picture = (au - bu) ** 2 + (av - bv) ** 2 > (_OVERLAP * (as_ + bs)) ** 2
    result: Array = on_floor & in_picture
    return result


def _project(x: Array, z: Array, radius: Array, camera: Array) -> tuple[Array, Array, Array]:
    # The camera's tilt is left out: it moves all objects of a picture alike.
    return (x - camera[:, :1]) / z, (radius - camera[:, 1:2]) / z, radius / z
