from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from polymodal_datasets.rooms.classes import CLASSES, COLOURS, FLOORS, SHAPES, WALLS
from polymodal_datasets.rooms.scene import Scenes, class_of, in_view, sample_scenes
from polymodal_datasets.rooms.tracing import trace


def rows(scenes: Scenes, where: slice) -> list[list[object]]:
    return [getattr(scenes, field.name)[where].tolist() for field in fields(Scenes)]


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(7, np.arange(2000))


def test_a_room_depends_on_seed_and_index_alone(scenes: Scenes) -> None:
    together = rows(scenes, slice(41, 42))
    assert rows(sample_scenes(7, np.array([41])), slice(None)) == together
    assert rows(sample_scenes(7, np.array([500, 41, 40])), slice(1, 2)) == together
    assert rows(sample_scenes(8, np.array([41])), slice(None)) != together


def test_objects_look_as_the_class_says(scenes: Scenes) -> None:
    for room in range(80):
        room_class = CLASSES[scenes.label[room]]
        assert SHAPES[scenes.shape[room, 0]] == room_class.shape
        assert COLOURS[scenes.colour[room, 0]] == room_class.colour
        assert WALLS[scenes.walls[room]] == room_class.walls
        assert FLOORS[scenes.floor[room]] == room_class.floor


def test_classes_take_turns() -> None:
    assert sorted(class_of(2 * np.arange(80)).tolist()) == list(range(80))
    assert (class_of(np.arange(0, 320, 2)) == class_of(np.arange(1, 320, 2))).all()


def test_colours_differ_within_a_room_and_from_its_walls(scenes: Scenes) -> None:
    for room in range(len(scenes)):
        colours = scenes.colour[room][scenes.present[room]].tolist()
        assert len(set(colours)) == len(colours)
        assert WALLS[scenes.walls[room]] not in [COLOURS[colour] for colour in colours]


def test_the_large_object_is_the_largest_by_far(scenes: Scenes) -> None:
    others = np.where(scenes.present[:, 1:], scenes.size[:, 1:], 0)
    assert (scenes.size[:, :1] > 1.4 * others).all()


def test_objects_stand_in_the_room_apart_from_each_other(scenes: Scenes) -> None:
    x, _, z = np.moveaxis(scenes.position, -1, 0)
    inside = (np.abs(x) + scenes.size < scenes.half_width[:, None]) & (
        z + scenes.size < scenes.depth[:, None]
    )
    assert inside[scenes.present].all()
    for a in range(5):
        for b in range(a):
            both = scenes.present[:, a] & scenes.present[:, b]
            apart = np.hypot(x[:, a] - x[:, b], z[:, a] - z[:, b])
            assert (apart > 1.25 * (scenes.size[:, a] + scenes.size[:, b]))[both].all()


def test_every_number_of_objects_occurs(scenes: Scenes) -> None:
    assert set(scenes.present.sum(axis=1).tolist()) == {2, 3, 4, 5}
    assert scenes.present[:, :2].all()


def test_a_twin_differs_in_colour_or_shape_of_one_object(scenes: Scenes) -> None:
    twins = np.flatnonzero(scenes.twin)
    assert 0.2 < len(twins) / 1000 < 0.3
    kinds = set()
    for index in twins:
        colours = scenes.colour[index] != scenes.colour[index - 1]
        shapes = scenes.shape[index] != scenes.shape[index - 1]
        changed = colours.tolist() + shapes.tolist()
        assert np.flatnonzero(changed).tolist() in ([1], [6])
        kinds.add(int(np.flatnonzero(changed)[0]))
        for name in ("size", "yaw", "present", "camera", "light", "words", "label", "tint"):
            same = getattr(scenes, name)
            assert (same[index] == same[index - 1]).all(), name
    assert kinds == {1, 6}


def test_every_object_can_be_seen(scenes: Scenes) -> None:
    some = sample_scenes(7, np.arange(400))
    at = np.linspace(-0.555, 0.555, 64)
    u, v = np.meshgrid(at, -at)
    right, up, forward = some.axes.transpose(1, 2, 0)[..., None]
    direction = (right * u.ravel() + up * v.ravel() + forward).astype(np.float32)
    seen = trace(some, some.camera, direction).slot
    pixels = np.stack([(seen == slot).sum(axis=1) for slot in range(5)], axis=1)
    assert (pixels[:, 0] > 200).all()
    assert pixels[some.present].min() >= 6
    assert np.quantile(pixels[:, 1:][some.present[:, 1:]], 0.02) >= 12


def test_the_large_object_is_in_the_middle_of_the_view(scenes: Scenes) -> None:
    view = in_view(scenes)
    assert (np.abs(view[:, 0, 0] / view[:, 0, 2]) < 0.25).all()
    # One step along an axis of the camera is one step in its coordinates.
    moved = in_view(sample_scenes(7, np.array([3])))[0, 0]
    np.testing.assert_allclose(view[3, 0], moved, atol=1e-12)
    offset = scenes.position[3, 0] - scenes.camera[3]
    np.testing.assert_allclose(view[3, 0] @ scenes.axes[3], offset, atol=1e-12)
