from __future__ import annotations

import numpy as np
import pytest
from polymodal_datasets.rooms.classes import COLOURS, FLOORS, MATERIALS, WALLS
from polymodal_datasets.rooms.scene import DECORATIONS, Scenes, sample_scenes
from polymodal_datasets.rooms.textures import (
    HALF_EXTENT,
    HANGING_HEIGHT,
    OBJECT_PALETTE,
    object_colour,
    room_colour,
)
from polymodal_datasets.rooms.tracing import BACK, FLOOR, LEFT


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(2, np.arange(0, 400, 2))


def first(values: np.ndarray, wanted: int) -> int:
    return int(np.flatnonzero(values == wanted)[0])


def colours(scenes: Scenes, room: int, face: int, p: np.ndarray) -> np.ndarray:
    count = p.shape[1]
    rooms = np.full(count, room)
    return room_colour(scenes, rooms, np.full(count, face), p.astype(np.float32))


def test_walls_have_the_hue_of_their_name(scenes: Scenes) -> None:
    p = np.array([[-2.0], [1.5], [2.0]])
    red, green, blue = np.stack(
        [colours(scenes, first(scenes.walls, n), LEFT, p)[:, 0] for n in range(len(WALLS))]
    ).T
    white, yellow, green_, blue_, pink = range(5)
    assert blue[yellow] < 0.5 * green[yellow]
    assert green[green_] > 1.2 * max(red[green_], blue[green_])
    assert blue[blue_] > 1.5 * red[blue_]
    assert red[pink] > 1.5 * green[pink]
    assert min(red[white], green[white], blue[white]) > 0.6


def test_floors_differ_in_pattern(scenes: Scenes) -> None:
    x, z = np.meshgrid(np.linspace(-2, 2, 80), np.linspace(1, 5, 80))
    p = np.stack([x.ravel(), np.zeros(6400), z.ravel()])
    spread = {}
    for number, name in enumerate(FLOORS):
        painted = colours(scenes, first(scenes.floor, number), FLOOR, p)
        spread[name] = painted.mean(axis=0).std() / painted.mean()
    assert spread["checkered"] > spread["wooden"] > spread["carpeted"]
    assert spread["tiled"] > spread["carpeted"]


def test_a_chessboard_alternates(scenes: Scenes) -> None:
    room = first(scenes.floor, FLOORS.index("checkered"))
    x = 0.25 + 0.5 * np.arange(-4, 4)
    row = colours(scenes, room, FLOOR, np.stack([x, 0 * x, 0 * x + 2.25]))[0]
    next_row = colours(scenes, room, FLOOR, np.stack([x, 0 * x, 0 * x + 2.75]))[0]
    assert (np.abs(np.diff(row)) > 0.3).all()
    assert (np.abs(row - next_row) > 0.3).all()


@pytest.mark.parametrize("kind", ["window", "painting"])
def test_decorations_hang_where_the_scene_says(scenes: Scenes, kind: str) -> None:
    room = first(scenes.decoration, DECORATIONS.index(kind))
    centre = scenes.decoration_x[room]
    x = centre + HALF_EXTENT[0] * np.array([0.5, 1.2, -1.2])
    p = np.stack([x, np.full(3, HANGING_HEIGHT + 0.3), np.full(3, scenes.depth[room])])
    inside, right, left = colours(scenes, room, BACK, p).T
    np.testing.assert_array_equal(left, right)
    assert np.abs(inside - left).max() > 0.05
    elsewhere = colours(scenes, room, BACK, p * [[-1], [1], [1]])
    np.testing.assert_array_equal(elsewhere[:, 0], left)


def test_objects_have_the_colour_of_their_name_and_stripes_where_striped(scenes: Scenes) -> None:
    up = np.linspace(-0.9, 0.9, 50, dtype=np.float32)
    local = np.stack([0 * up, up, 0 * up])
    for room in range(20):
        painted = object_colour(scenes, np.full(50, 5 * room), local).T
        plain = OBJECT_PALETTE[scenes.colour[room, 0]]
        share = (painted == plain).all(axis=1).mean()
        if MATERIALS[scenes.material[room, 0]] == "striped":
            assert 0.4 < share < 0.8
        else:
            assert share == 1
    assert len(OBJECT_PALETTE) == len(COLOURS)
