"""First hits of rays from one point per room, with the room's box and the objects in it.

Rays of a room are the last axis; `flat` indices count through [rooms, rays].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import SHAPES
from polymodal_datasets.rooms.columns import read
from polymodal_datasets.rooms.scene import SLOTS, Scenes
from polymodal_datasets.rooms.solids import BOUND, INTERSECT, MISS, dot

Array = np.ndarray[Any, np.dtype[Any]]

FLOOR, CEILING, LEFT, RIGHT, BACK = range(5)


@dataclass(frozen=True)
class Hits:
    """What rays meet first: distance in units of the direction's length, and what it is."""

    t: Array
    """[rooms, rays]"""
    slot: Array
    """[rooms, rays] int8, the object's slot; -1 for the room itself."""
    face: Array
    """[rooms, rays] int8, the side of the room that lies on the ray, behind objects too."""


def trace(scenes: Scenes, origin: Array, direction: Array) -> Hits:
    """Find what rays from origin [rooms, 3] along direction [3, rooms, rays] (float32) meet."""
    t, face = leave_box(scenes, None, origin.astype(np.float32).T[:, :, None], direction)
    slot = np.full(t.shape, -1, np.int8)
    flat_t, flat_slot = t.reshape(-1), slot.reshape(-1)
    candidates = _candidates(scenes, origin, direction, margin=0.0)
    rays = np.concatenate([flat for flat, _ in candidates])
    objects = np.concatenate([index for _, index in candidates])
    o = read(origin.astype(np.float32).T, objects // SLOTS)
    found = _meet(scenes, objects, o, read(direction.reshape(3, -1), rays))
    start = 0
    for number, (flat, _) in enumerate(candidates):
        new, start = found[start : start + len(flat)], start + len(flat)
        closer = new < flat_t[flat]
        flat_t[flat[closer]] = new[closer]
        flat_slot[flat[closer]] = number
    return Hits(t, slot, face)


def blocked(scenes: Scenes, origin: Array, offsets: Array, target: Array) -> Array:
    """Share of the points origin [rooms, 3] + offsets [samples, 3, rays] that objects hide.

    Seen from target [3, rooms, rays]; gives [rooms, rays].
    """
    direction = target - origin.astype(np.float32).T[:, :, None]
    margin = float(np.sqrt((offsets**2).sum(axis=1)).max())
    candidates = _candidates(scenes, origin, direction, margin=margin)
    rays = np.concatenate([flat for flat, _ in candidates])
    objects = np.concatenate([index for _, index in candidates])
    o, d = read(origin.astype(np.float32).T, objects // SLOTS), read(direction.reshape(3, -1), rays)
    moved = offsets.astype(np.float32).transpose(1, 0, 2).reshape(3, -1)
    samples = np.arange(len(offsets))[:, None]
    moved = read(moved, (samples * direction.shape[2] + rays % direction.shape[2]).ravel())
    o, d = np.tile(o, len(offsets)) + moved, np.tile(d, len(offsets)) - moved
    found = _meet(scenes, np.tile(objects, len(offsets)), o, d)
    hidden = np.zeros((len(offsets), direction[0].size), dtype=bool)
    hidden.reshape(-1)[(samples * direction[0].size + rays).ravel()[found < _ALMOST]] = True
    share: Array = hidden.mean(axis=0, dtype=np.float32).reshape(direction.shape[1:])
    return share


# A surface does not shadow itself: 0.4 % short of the point, a centimetre at most.
_ALMOST = np.float32(0.996)


def leave_box(scenes: Scenes, rooms: Array | None, o: Array, d: Array) -> tuple[Array, Array]:
    """Give t and face where rays o + t d, starting inside, leave their rooms.

    `rooms` [rays] belongs to flat rays [3, rays]; None means [3, rooms, rays]. The wall behind the
    camera counts as BACK.
    """
    half_width, height, depth = (
        size.astype(np.float32)[:, None] if rooms is None else size.astype(np.float32)[rooms]
        for size in (scenes.half_width, scenes.height, scenes.depth)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        side = (np.where(d[0] < 0, -half_width, half_width) - o[0]) / d[0]
        level = (np.where(d[1] < 0, np.float32(0), height) - o[1]) / d[1]
        end = (np.where(d[2] < 0, _BEHIND, depth) - o[2]) / d[2]
    face = np.where(d[0] < 0, np.int8(LEFT), np.int8(RIGHT))
    face = np.where(level < side, np.where(d[1] < 0, np.int8(FLOOR), np.int8(CEILING)), face)
    t = np.minimum(side, level)
    return np.minimum(t, end), np.where(end < t, np.int8(BACK), face)


_BEHIND = np.float32(-1)


def local_frame(scenes: Scenes, objects: Array) -> tuple[Array, Array, Array]:
    """Centre [3, n], cosine and sine of the turn over the size [n], of objects [n].

    `objects` counts through [rooms, slots].
    """
    size, yaw = scenes.size.reshape(-1), scenes.yaw.reshape(-1)
    cosine, sine = (np.cos(yaw) / size).astype(np.float32), (np.sin(yaw) / size).astype(np.float32)
    centre = scenes.position.reshape(-1, 3).T.astype(np.float32)
    return read(centre, objects), cosine[objects], sine[objects]


def _candidates(
    scenes: Scenes, origin: Array, direction: Array, *, margin: float
) -> list[tuple[Array, Array]]:
    # For each slot, (flat rays [n], objects [n]) that meet the bounding sphere widened by margin.
    squared = dot(direction, direction)
    reach = np.array(BOUND)[scenes.shape] * scenes.size + margin
    away = scenes.position - origin[:, None]
    # Squared length of the tangent from the origin; where there is no object nothing passes.
    tangent = np.where(scenes.present, (away**2).sum(axis=-1) - reach**2, np.inf)
    tangent = tangent.astype(np.float32)
    found = []
    for slot in range(SLOTS):
        along = dot(away[:, slot].astype(np.float32).T[:, :, None], direction)
        meets = along * np.abs(along) > tangent[:, slot, None] * squared
        flat = np.flatnonzero(meets)
        found.append((flat, (flat // direction.shape[2]) * SLOTS + slot))
    return found


def _meet(scenes: Scenes, objects: Array, o: Array, d: Array) -> Array:
    # First t [n] of the rays o + t d [3, n] with one object each.
    centre, cosine, sine = local_frame(scenes, objects)
    o = o - centre
    scale = np.sqrt(cosine * cosine + sine * sine)
    o, d = (
        np.stack([cosine * v[0] - sine * v[2], scale * v[1], sine * v[0] + cosine * v[2]])
        for v in (o, d)
    )
    kinds = scenes.shape.reshape(-1)[objects]
    t = np.full(len(objects), MISS)
    for number, shape in enumerate(SHAPES):
        of_kind = np.flatnonzero(kinds == number)
        if len(of_kind):
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                t[of_kind] = INTERSECT[shape](read(o, of_kind), read(d, of_kind))
    return t
