from __future__ import annotations

import numpy as np
import pytest
from polymodal_datasets.rooms.classes import SHAPES
from polymodal_datasets.rooms.scene import HALF_HEIGHTS
from polymodal_datasets.rooms.solids import BOUND, INTERSECT, MISS, normal

from .reference import inside


def rays(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rays [3, count] from outside, aimed at points about the solid."""
    rng = np.random.default_rng(seed)
    origin = rng.normal(size=(3, count))
    origin *= 5 / np.sqrt((origin**2).sum(axis=0))
    target = rng.uniform(-1, 1, (3, count))
    return origin, (target - origin) * rng.uniform(0.2, 2, count)


def hit(shape: str, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return INTERSECT[shape](origin.astype(np.float32), direction.astype(np.float32))


@pytest.mark.parametrize("shape", SHAPES)
def test_first_hits_equal_those_found_by_trying_points(shape: str) -> None:
    origin, direction = rays(200)
    t = hit(shape, origin, direction).astype(np.float64)
    length = np.sqrt((direction**2).sum(axis=0))
    along = np.linspace(0, 8, 8001)
    points = origin.T[:, None] + along[:, None] * (direction / length).T[:, None]
    within = inside(shape, points)
    expected = np.where(within.any(axis=1), along[within.argmax(axis=1)], np.inf)
    found = np.where(t < MISS, t * length, np.inf)
    # A chord shorter than the steps may be missed; nothing else may differ.
    grazing = within.sum(axis=1) < 20
    certain = ~grazing | ~within.any(axis=1)
    assert (np.isfinite(found) == np.isfinite(expected))[certain].mean() > 0.99
    sure = np.isfinite(found) & ~grazing
    assert sure.sum() > 30
    np.testing.assert_allclose(found[sure], expected[sure], atol=1.5e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_hits_are_on_the_surface_to_float32_precision(shape: str) -> None:
    origin, direction = rays(4000, seed=1)
    t = hit(shape, origin, direction).astype(np.float64)
    met = t < MISS
    unit = direction / np.sqrt((direction**2).sum(axis=0))
    p = origin + t * direction
    before, after = (p - 2e-4 * unit).T[met], (p + 2e-4 * unit).T[met]
    # Through the border within 0.4 units in a thousand, but for rays that graze it.
    crossing = ~inside(shape, before) & inside(shape, after)
    n = normal(shape, p[:, met].astype(np.float32)).astype(np.float64)
    steep = (n * unit[:, met]).sum(axis=0) < -0.1
    assert steep.sum() > 500
    assert crossing[steep].mean() > 0.995


@pytest.mark.parametrize("shape", SHAPES)
def test_normals_are_unit_vectors_that_point_outwards(shape: str) -> None:
    origin, direction = rays(2000, seed=2)
    t = hit(shape, origin, direction).astype(np.float64)
    met = t < MISS
    p = (origin + t * direction)[:, met]
    n = normal(shape, p.astype(np.float32)).astype(np.float64)
    np.testing.assert_allclose((n**2).sum(axis=0), 1, atol=1e-5)
    assert (~inside(shape, (p + 0.01 * n).T)).mean() > 0.99
    # Near an edge the inward normal can leave through another side; hence not all.
    assert inside(shape, (p - 0.01 * n).T).mean() > 0.95


@pytest.mark.parametrize("shape", SHAPES)
def test_bounds_hold_the_solid(shape: str) -> None:
    points = np.random.default_rng(3).uniform(-1.6, 1.6, (200_000, 3))
    held = points[inside(shape, points)]
    number = SHAPES.index(shape)
    reach = np.sqrt((held**2).sum(axis=1)).max()
    assert 0.9 * BOUND[number] < reach <= BOUND[number]
    assert 0.9 * HALF_HEIGHTS[number] < -held[:, 1].min() <= HALF_HEIGHTS[number]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_met_behind_the_origin(shape: str) -> None:
    origin, direction = rays(500, seed=4)
    assert (hit(shape, origin, -direction) == MISS).all()


def test_rays_through_the_hole_of_a_ring_miss_it() -> None:
    origin = np.array([[0.0], [0.0], [4.0]])
    direction = np.array([[0.0], [0.0], [-1.0]])
    assert hit("ring", origin, direction)[0] == MISS
    moved = origin + np.array([[0.7], [0], [0]])
    assert hit("ring", moved, direction)[0] == pytest.approx(3.7, abs=1e-5)
