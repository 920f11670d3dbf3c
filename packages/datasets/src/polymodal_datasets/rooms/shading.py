"""How bright surfaces are: a lamp of some extent, light from all sides, reflections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import MATERIALS, SHAPES
from polymodal_datasets.rooms.columns import read, write
from polymodal_datasets.rooms.scene import SLOTS, Scenes
from polymodal_datasets.rooms.solids import dot, normal
from polymodal_datasets.rooms.textures import object_colour, room_colour
from polymodal_datasets.rooms.tracing import Hits, blocked, leave_box, local_frame

Array = np.ndarray[Any, np.dtype[Any]]

LAMP = np.array([[-0.11, 0.0, -0.05], [0.05, 0.0, -0.11], [0.11, 0.0, 0.05], [-0.05, 0.0, 0.11]])
"""[samples, 3] points of the lamp, about its centre, metres."""

_LAMP_POWER = np.float32(11.0)
_LAMP_COLOUR = np.array([1.0, 0.955, 0.88], np.float32)[:, None, None]
_AMBIENT = np.float32(0.38)
_SKY_LIGHT = np.array([0.95, 0.98, 1.04], np.float32)[:, None, None]
# Inward normals of FLOOR, CEILING, LEFT, RIGHT, BACK.
_INWARD = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, -1]], np.float32).T


@dataclass(frozen=True)
class Surface:
    """What is seen along rays: point, normal, albedo [3, rooms, rays]; slot [rooms, rays]."""

    point: Array
    normal: Array
    albedo: Array
    slot: Array


def surfaces(scenes: Scenes, direction: Array, hits: Hits) -> Surface:
    """Find the points, normals and colours that rays from the camera meet."""
    origin = scenes.camera.astype(np.float32).T[:, :, None]
    point = origin + hits.t * direction
    shape = point.shape
    flat_point, slot, face = point.reshape(3, -1), hits.slot.ravel(), hits.face.ravel()
    rays = shape[2]
    flat_normal = np.stack([np.take(component, face) for component in _INWARD])
    albedo = np.empty_like(flat_point)
    where = np.flatnonzero(slot < 0)
    write(albedo, where, room_colour(scenes, where // rays, face[where], read(flat_point, where)))
    seen = np.flatnonzero(slot >= 0)
    objects = seen // rays * SLOTS + slot[seen]
    local = _local_points(scenes, objects, read(flat_point, seen))
    write(albedo, seen, object_colour(scenes, objects, local))
    kinds = scenes.shape.reshape(-1)[objects]
    for number, name in enumerate(SHAPES):
        of_kind = np.flatnonzero(kinds == number)
        if len(of_kind):
            outward = normal(name, read(local, of_kind))
            outward = _turn_back(scenes, objects[of_kind], outward)
            write(flat_normal, seen[of_kind], outward)
    return Surface(point, flat_normal.reshape(shape), albedo.reshape(shape), hits.slot)


def _local_points(scenes: Scenes, objects: Array, p: Array) -> Array:
    centre, cosine, sine = local_frame(scenes, objects)
    p = p - centre
    scale = np.sqrt(cosine * cosine + sine * sine)
    return np.stack([cosine * p[0] - sine * p[2], scale * p[1], sine * p[0] + cosine * p[2]])


def _turn_back(scenes: Scenes, objects: Array, n: Array) -> Array:
    _, cosine, sine = local_frame(scenes, objects)
    scale = 1 / np.sqrt(cosine * cosine + sine * sine)
    cosine, sine = cosine * scale, sine * scale
    return np.stack([cosine * n[0] + sine * n[2], n[1], cosine * n[2] - sine * n[0]])


def shade(scenes: Scenes, direction: Array, surface: Surface, lamp: Array) -> Array:
    """Light [3, rooms, rays] that comes back along rays, `lamp` [samples, 3, rays] its points."""
    direct = _from_lamp(scenes, surface, lamp) * _LAMP_COLOUR
    light = surface.albedo * (direct + _from_all_sides(scenes, surface))
    _polish(scenes, direction, surface, light, direct)
    return light


def _from_lamp(scenes: Scenes, surface: Surface, lamp: Array) -> Array:
    way = surface.point - scenes.light.astype(np.float32).T[:, :, None]
    squared = dot(way, way)
    facing = np.maximum(-dot(way, surface.normal), 0)
    power = (_LAMP_POWER * scenes.tint[:, 2, None]).astype(np.float32)
    visible = 1 - blocked(scenes, scenes.light, lamp, surface.point)
    strength: Array = power * facing * visible / (np.sqrt(squared) * (squared + 2))
    return strength


def _from_all_sides(scenes: Scenes, surface: Surface) -> Array:
    # Brighter from above, darkened where objects and corners are near.
    upward = surface.normal[1]
    openness: Array = np.ones_like(upward)
    for slot in range(SLOTS):
        openness = openness * (1 - _hidden_by(scenes, surface, slot))
    p = surface.point
    half_width, depth = (
        size.astype(np.float32)[:, None] for size in (scenes.half_width, scenes.depth)
    )
    corner = np.minimum(np.minimum(half_width - np.abs(p[0]), depth - p[2]), p[1] + np.float32(0.3))
    near = np.float32(0.35) / (np.float32(0.35) + np.maximum(corner, 0) * 3)
    is_floor = upward > 0.99
    openness = openness * np.where(is_floor, 1 - np.float32(0.3) * near, np.float32(1))
    strength: Array = _AMBIENT * (np.float32(1) + np.float32(0.35) * upward) * openness
    return _SKY_LIGHT * strength


def _hidden_by(scenes: Scenes, surface: Surface, slot: int) -> Array:
    # Share of the sky that a sphere in the object's place covers, seen from a point outside it.
    size = (scenes.size[:, slot] * scenes.present[:, slot]).astype(np.float32)[:, None]
    centre = scenes.position[:, slot].astype(np.float32).T[:, :, None]
    way = centre - surface.point
    squared = dot(way, way) + np.float32(1e-6)
    facing = np.maximum(dot(way, surface.normal), 0)
    hidden = facing * size * size / (squared * np.sqrt(squared))
    result: Array = np.where(surface.slot == slot, 0, np.minimum(hidden, np.float32(0.85)))
    return result


def _polish(
    scenes: Scenes, direction: Array, surface: Surface, light: Array, direct: Array
) -> None:
    # Adds highlights and reflections of the room, in place, to what is shiny or of metal.
    rays = direction.shape[2]
    seen = np.flatnonzero(surface.slot.ravel() >= 0)
    material = scenes.material[seen // rays, surface.slot.ravel()[seen]]
    polished = (material == MATERIALS.index("shiny")) | (material == MATERIALS.index("metal"))
    where, metal = seen[polished], material[polished] == MATERIALS.index("metal")
    if len(where) == 0:
        return
    rooms = where // rays
    d, n, p, albedo = (
        read(array.reshape(3, -1), where)
        for array in (direction, surface.normal, surface.point, surface.albedo)
    )
    d = d / np.sqrt(dot(d, d))
    along = dot(d, n)
    mirrored = d - 2 * along * n
    reflection = _reflection(scenes, rooms, p, mirrored, metal)
    way = read(scenes.light.astype(np.float32).T, rooms) - p
    way = way / np.sqrt(dot(way, way))
    shine = _power(np.maximum(dot(way, mirrored), 0), 5)
    lit = np.minimum(direct[1].reshape(-1)[where], 1)
    grazing = _power(1 + np.minimum(along, 0), 2) * (1 + np.minimum(along, 0))
    mirror = np.where(metal, np.float32(0.9), np.float32(0.05) + np.float32(0.4) * grazing)
    tint = np.where(metal, np.float32(0.08) + np.float32(1.1) * albedo, np.float32(1))
    keep = np.where(metal, np.float32(0.4), np.float32(1))
    shine *= lit * np.where(metal, np.float32(1.3), np.float32(0.9))
    out = light.reshape(3, -1)
    write(out, where, keep * read(out, where) + tint * (mirror * reflection + shine))


def _power(x: Array, doublings: int) -> Array:
    for _ in range(doublings):
        x = x * x
    return x


def _reflection(scenes: Scenes, rooms: Array, p: Array, d: Array, metal: Array) -> Array:
    # What is seen along reflected rays: the bare room where a surface is shiny; where it is of
    # metal, brushed, how bright it is above and below the horizon, in upright streaks.
    seen = np.empty_like(p)
    above = np.clip(np.float32(5) * d[1, metal] + np.float32(0.3), 0, 1)
    above = above * above * (3 - 2 * above)
    ground = np.float32(0.1) - np.float32(0.55) * np.minimum(d[1, metal], 0)
    sky = np.float32(1.25) - np.float32(0.6) * d[1, metal]
    turn = np.float32(0.65) * d[0, metal] + np.float32(0.15)
    streak = np.abs(2 * (turn - np.floor(turn)) - 1)
    bright = np.float32(0.4) + np.float32(1.1) * streak * streak
    seen[:, metal] = (ground + above * (sky - ground)) * bright + np.float32(0.3) * streak
    rooms, p, d = rooms[~metal], p[:, ~metal], d[:, ~metal]
    t, face = leave_box(scenes, rooms, p, d)
    seen[:, ~metal] = np.float32(0.8) * room_colour(scenes, rooms, face, p + t * d)
    return seen
