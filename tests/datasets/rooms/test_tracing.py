from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from polymodal_datasets.rooms.scene import Scenes, sample_scenes
from polymodal_datasets.rooms.tracing import BACK, CEILING, FLOOR, blocked, leave_box, trace

from .reference import camera_ray, first_object, leave_room


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(3, np.arange(6))


def test_the_nearest_thing_on_a_ray_is_found(scenes: Scenes) -> None:
    size = 12
    rays = [(row, column) for row in range(2, size, 2) for column in range(1, size, 2)]
    for room in range(3):
        directions = np.stack([camera_ray(scenes, room, *pixel, size) for pixel in rays])
        one = sample_scenes(3, np.array([room]))
        hits = trace(one, one.camera, directions.T[:, None].astype(np.float32))
        for number, direction in enumerate(directions):
            t, slot = first_object(scenes, room, scenes.camera[room], direction, step=4e-3)
            wall = leave_room(scenes, room, scenes.camera[room], direction)
            assert hits.slot[0, number] == (slot if t < wall else -1)
            assert hits.t[0, number] == pytest.approx(min(t, wall), abs=2e-4)


def test_faces_are_named_after_where_rays_go(scenes: Scenes) -> None:
    straight = np.array([[0, -1, 0], [0, 1, 0], [0, 0, 1]], np.float32).T[:, None]
    origin = np.array([0.0, 1.5, 0.0], np.float32)[:, None, None]
    t, face = leave_box(sample_scenes(3, np.array([2])), None, origin, straight)
    assert face[0].tolist() == [FLOOR, CEILING, BACK]
    expected = [1.5, scenes.height[2] - 1.5, scenes.depth[2]]
    np.testing.assert_allclose(t[0], expected, rtol=1e-6)


def test_a_point_behind_an_object_is_hidden_from_the_lamp(scenes: Scenes) -> None:
    centre, lamp = scenes.position[:, 0], scenes.light
    behind = centre + 0.8 * (centre - lamp)
    for target, share in ((behind, 1.0), (lamp + 0.3 * (centre - lamp), 0.0)):
        points = target.T[:, :, None].astype(np.float32)
        alone = replace(scenes, present=np.arange(5) < np.ones((len(scenes), 1)))
        solid = scenes.shape[:, 0] != 4  # through a ring's hole light may pass
        hidden = blocked(alone, lamp, np.zeros((1, 3, 1)), points)[:, 0]
        assert (hidden[solid] == share).all()


def test_the_lamp_is_hidden_in_part_at_the_border_of_a_shadow(scenes: Scenes) -> None:
    alone = replace(
        scenes,
        present=np.arange(5) < np.ones((len(scenes), 1)),
        shape=np.zeros_like(scenes.shape),
    )
    across = np.linspace(-1, 1, 401)
    centre = alone.position[:, 0]
    points = np.repeat((centre * [1, 0, 1])[:, :, None], 401, axis=2) + np.array(
        [across, 0 * across, 0 * across]
    )
    lamp = np.array([[-0.1, 0, 0], [0.1, 0, 0]])[:, :, None].repeat(401, axis=2)
    share = blocked(alone, alone.light, lamp, np.moveaxis(points, 1, 0).astype(np.float32))
    assert set(np.unique(share).tolist()) == {0.0, 0.5, 1.0}


def test_objects_that_are_absent_hide_nothing(scenes: Scenes) -> None:
    empty = replace(scenes, present=np.zeros_like(scenes.present))
    direction = (scenes.position[:, 0] - scenes.camera).T[:, :, None].astype(np.float32)
    assert (trace(scenes, scenes.camera, direction).slot[scenes.shape[:, 0] != 4] == 0).all()
    assert (trace(empty, scenes.camera, direction).slot == -1).all()
