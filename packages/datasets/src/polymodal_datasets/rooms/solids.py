"""Where rays meet the six unit solids, and the normals there.

All solids stand about the y axis, centred at the origin. Rays are p = origin + t * direction with
origin and direction [3, rays] of any length; the first t > 0 is returned [rays], MISS where there
is none. Nothing but + - * / and square roots touches a ray, all of which IEEE 754 rounds
correctly: the result is the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polymodal_datasets.rooms.columns import read

Array = np.ndarray[Any, np.dtype[Any]]

MISS = np.float32(1e6)

CUBE = 0.8
CYLINDER_RADIUS, CYLINDER = 0.75, 0.95
CONE_RADIUS, CONE = 0.9, 1.05
RING_RADIUS, RING_TUBE = 0.7, 0.3
PYRAMID_RADIUS, PYRAMID = 0.9, 0.9


def dot(a: Array, b: Array) -> Array:
    """Scalar product along the first axis."""
    result: Array = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return result


def _between(near: Array, far: Array) -> Array:
    return np.where((near < far) & (near > 0), near, MISS)


def _roots(a: Array, b: Array, c: Array) -> tuple[Array, Array, Array]:
    # Roots of a t² + 2 b t + c; where there are none, `real` is False and both are at -b / a.
    discriminant = b * b - a * c
    real = discriminant > 0
    root = np.sqrt(np.maximum(discriminant, 0))
    inverse = 1 / a
    return (-b - root) * inverse, (-b + root) * inverse, real


def sphere(o: Array, d: Array) -> Array:
    """Radius 1."""
    near, _, real = _roots(dot(d, d), dot(o, d), dot(o, o) - 1)
    return np.where(real & (near > 0), near, MISS)


def cube(o: Array, d: Array) -> Array:
    """Half of an edge is CUBE."""
    near, far = _slab(o[0], d[0], CUBE)
    for axis in (1, 2):
        near_, far_ = _slab(o[axis], d[axis], CUBE)
        near, far = np.maximum(near, near_), np.minimum(far, far_)
    return _between(near, far)


def _slab(o: Array, d: Array, half: float) -> tuple[Array, Array]:
    inverse = 1 / d
    middle = -o * inverse
    reach = half * np.abs(inverse)
    return middle - reach, middle + reach


def cylinder(o: Array, d: Array) -> Array:
    """Radius CYLINDER_RADIUS, half of the height CYLINDER."""
    near, far, real = _roots(
        d[0] * d[0] + d[2] * d[2],
        o[0] * d[0] + o[2] * d[2],
        o[0] * o[0] + o[2] * o[2] - np.float32(CYLINDER_RADIUS**2),
    )
    bottom, top = _slab(o[1], d[1], CYLINDER)
    return np.where(real, _between(np.maximum(near, bottom), np.minimum(far, top)), MISS)


def cone(o: Array, d: Array) -> Array:
    """Base of radius CONE_RADIUS at y = -CONE, tip at y = CONE."""
    slope = np.float32((CONE_RADIUS / (2 * CONE)) ** 2)
    below = np.float32(CONE) - o[1]
    first, second, real = _roots(
        d[0] * d[0] + d[2] * d[2] - slope * d[1] * d[1],
        o[0] * d[0] + o[2] * d[2] + slope * below * d[1],
        o[0] * o[0] + o[2] * o[2] - slope * below * below,
    )
    best = np.full_like(first, MISS)
    for t in (first, second):
        inside = real & (np.abs(o[1] + t * d[1]) < CONE) & (t > 0)
        np.minimum(best, t, out=best, where=inside)
    base = (-np.float32(CONE) - o[1]) / d[1]
    x, z = o[0] + base * d[0], o[2] + base * d[2]
    inside = (x * x + z * z < np.float32(CONE_RADIUS**2)) & (base > 0)
    first_hit: Array = np.minimum(best, base, out=best, where=inside)
    return first_hit


def pyramid(o: Array, d: Array) -> Array:
    """Square base of half edge PYRAMID_RADIUS at y = -PYRAMID, tip at y = PYRAMID."""
    near, far = np.full_like(d[0], -MISS), np.full_like(d[0], MISS)
    for normal, distance in _PYRAMID_FACES:
        slope = normal[0] * d[0] + normal[1] * d[1] + normal[2] * d[2]
        t = (distance - normal[0] * o[0] - normal[1] * o[1] - normal[2] * o[2]) / slope
        entering = slope < 0
        np.maximum(near, t, out=near, where=entering)
        np.minimum(far, t, out=far, where=~entering)
    return _between(near, far)


def _pyramid_faces() -> list[tuple[Array, np.float32]]:
    # Sides rise by 2 PYRAMID over PYRAMID_RADIUS; n · p = distance at the tip (0, PYRAMID, 0).
    up = PYRAMID_RADIUS / float(np.hypot(PYRAMID_RADIUS, 2 * PYRAMID))
    out = 2 * PYRAMID / float(np.hypot(PYRAMID_RADIUS, 2 * PYRAMID))
    sides = [(out, up, 0.0), (-out, up, 0.0), (0.0, up, out), (0.0, up, -out)]
    faces = [(np.array(side, np.float32), np.float32(up * PYRAMID)) for side in sides]
    return [*faces, (np.array((0, -1, 0), np.float32), np.float32(PYRAMID))]


_PYRAMID_FACES = _pyramid_faces()


def ring(o: Array, d: Array) -> Array:
    """Torus in the plane z = 0: RING_RADIUS to the middle of a tube of radius RING_TUBE.

    Rays that meet its bounding sphere, cut to the thickness of the tube, march by the distance to
    the surface, which cannot step over it, and are finished by Newton's method.
    """
    result: Array = np.full_like(d[0], MISS)
    bound = np.float32((RING_RADIUS + RING_TUBE) ** 2)
    near, far, real = _roots(dot(d, d), dot(o, d), dot(o, o) - bound)
    front, behind = _slab(o[2], d[2], RING_TUBE)
    near, far = np.maximum(near, front), np.minimum(far, behind)
    ray = np.flatnonzero(real & (near < far) & (near > 0))
    o, d, t, end = read(o, ray), read(d, ray), near[ray], far[ray]
    step = 1 / np.sqrt(dot(d, d))
    alive = np.arange(len(ray))
    for _ in range(_MARCH):
        gap = _ring_distance(read(o, alive) + t[alive] * read(d, alive))
        t[alive] += gap * step[alive]
        alive = alive[(gap > _NEAR) & (t[alive] < end[alive])]
        if len(alive) == 0:
            break
    inside = np.flatnonzero(t <= end)
    ray, o, d = ray[inside], read(o, inside), read(d, inside)
    t, step = t[inside], step[inside]
    for _ in range(2):
        p = o + t * d
        gap, slope = _ring_distance(p), dot(_ring_normal(p), d)
        # Only where the ray comes in: at a grazing ray Newton's step would be wild.
        t -= np.where(slope * step < -0.02, gap / slope, 0)
    hit = np.abs(_ring_distance(o + t * d)) < 3 * _NEAR
    result[ray[hit]] = t[hit]
    return result


_MARCH = 48
_NEAR = 5e-4


def _ring_distance(p: Array) -> Array:
    from_middle = np.sqrt(p[0] * p[0] + p[1] * p[1]) - np.float32(RING_RADIUS)
    distance: Array = np.sqrt(from_middle * from_middle + p[2] * p[2]) - np.float32(RING_TUBE)
    return distance


def _ring_normal(p: Array) -> Array:
    radius = np.maximum(np.sqrt(p[0] * p[0] + p[1] * p[1]), np.float32(1e-6))
    from_middle = radius - np.float32(RING_RADIUS)
    length = np.maximum(np.sqrt(from_middle * from_middle + p[2] * p[2]), np.float32(1e-6))
    across = from_middle / (length * radius)
    return np.stack([p[0] * across, p[1] * across, p[2] / length])


def normal(shape: str, p: Array) -> Array:
    """Outward unit normals [3, points] of a solid at points p [3, points] on its surface."""
    n = np.zeros_like(p)
    points = np.arange(p.shape[1])
    match shape:
        case "sphere":
            n[:] = p
        case "cube":
            axis = np.abs(p).argmax(axis=0)
            n[axis, points] = np.sign(p[axis, points])
        case "cylinder":
            cap = np.abs(p[1]) > CYLINDER - 1e-4
            n[:] = np.where(cap, [[0], [1], [0]] * np.sign(p[1]), p * [[1], [0], [1]])
        case "cone":
            radius = np.sqrt(p[0] * p[0] + p[2] * p[2])
            side = np.stack([p[0], radius * np.float32(CONE_RADIUS / (2 * CONE)), p[2]])
            n[:] = np.where(p[1] < -CONE + 1e-4, [[0], [-1], [0]], side)
        case "ring":
            n[:] = _ring_normal(p)
        case "pyramid":
            faces = np.stack([face for face, _ in _PYRAMID_FACES])
            offsets = np.array([distance for _, distance in _PYRAMID_FACES], np.float32)
            nearest = np.stack([dot(face, p) for face in faces]) - offsets[:, None]
            n[:] = faces[nearest.argmax(axis=0)].T
    return n / np.maximum(np.sqrt(dot(n, n)), np.float32(1e-12))


BOUND = (
    1.0,
    CUBE * 3**0.5,
    (CYLINDER_RADIUS**2 + CYLINDER**2) ** 0.5,
    (CONE_RADIUS**2 + CONE**2) ** 0.5,
    RING_RADIUS + RING_TUBE,
    (2 * PYRAMID_RADIUS**2 + PYRAMID**2) ** 0.5,
)
"""Radius of the bounding sphere of each of `classes.SHAPES`."""

INTERSECT = {
    "sphere": sphere,
    "cube": cube,
    "cylinder": cylinder,
    "cone": cone,
    "ring": ring,
    "pyramid": pyramid,
}
