from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from polymodal_datasets.rooms.scene import Scenes, sample_scenes
from polymodal_datasets.rooms.shading import LAMP, Surface, shade, surfaces
from polymodal_datasets.rooms.solids import dot
from polymodal_datasets.rooms.tracing import FLOOR, Hits, trace


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(5, np.arange(8))


@pytest.fixture(scope="module")
def seen(scenes: Scenes) -> tuple[np.ndarray, Hits, Surface]:
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, 24), np.linspace(0.5, -0.5, 24))
    right, up, forward = scenes.axes.transpose(1, 2, 0)[..., None]
    direction = (right * u.ravel() + up * v.ravel() + forward).astype(np.float32)
    hits = trace(scenes, scenes.camera, direction)
    return direction, hits, surfaces(scenes, direction, hits)


def lamp(points: np.ndarray) -> np.ndarray:
    return np.repeat(points[:, :, None], 24 * 24, axis=2)


def test_points_lie_on_what_is_seen_and_normals_face_the_camera(
    scenes: Scenes, seen: tuple[np.ndarray, Hits, Surface]
) -> None:
    direction, hits, surface = seen
    floor = (hits.slot < 0) & (hits.face == FLOOR)
    np.testing.assert_allclose(surface.point[1][floor], 0, atol=1e-5)
    assert (surface.normal[1][floor] == 1).all()
    np.testing.assert_allclose(dot(surface.normal, surface.normal), 1, atol=1e-4)
    facing = dot(surface.normal, direction)
    assert (facing[hits.slot < 0] < 0).all()
    assert (facing[hits.slot >= 0] < 0.02).mean() > 0.999


def test_light_falls_off_with_distance_and_angle_as_stated(
    scenes: Scenes, seen: tuple[np.ndarray, Hits, Surface]
) -> None:
    direction, _, surface = seen
    bare = replace(scenes, present=np.zeros_like(scenes.present))
    room = replace(surface, slot=np.full_like(surface.slot, -1))
    brighter = replace(bare, tint=bare.tint * [1, 1, 2])
    light, more = (shade(s, direction, room, lamp(np.zeros((1, 3)))) for s in (bare, brighter))
    way = surface.point.astype(np.float64) - scenes.light.T[:, :, None]
    squared = (way**2).sum(axis=0)
    cosine = np.maximum(-(way * surface.normal).sum(axis=0) / np.sqrt(squared), 0)
    expected = 11 * cosine / (squared + 2) * scenes.tint[:, 2, None] * surface.albedo[0]
    np.testing.assert_allclose((more - light)[0], expected, rtol=1e-3, atol=1e-4)


def test_an_object_in_the_way_of_the_lamp_takes_its_light(
    scenes: Scenes, seen: tuple[np.ndarray, Hits, Surface]
) -> None:
    direction, _, surface = seen
    bare = replace(scenes, present=np.zeros_like(scenes.present))
    light = shade(scenes, direction, surface, lamp(LAMP))
    unhindered = shade(bare, direction, surface, lamp(LAMP))
    background = surface.slot < 0
    assert (light <= unhindered + 1e-5)[:, background].all()
    assert (light < 0.7 * unhindered)[:, background].mean() > 0.01
