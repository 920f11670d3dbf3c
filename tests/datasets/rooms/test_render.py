from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from polymodal_datasets.rooms.classes import MATERIALS
from polymodal_datasets.rooms.render import render
from polymodal_datasets.rooms.scene import Scenes, sample_scenes

from .reference import camera_ray, first_object, leave_room

SIZE = 48


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(0, np.arange(20, 32))


@pytest.fixture(scope="module")
def rendered(scenes: Scenes) -> tuple[np.ndarray, np.ndarray]:
    return render(scenes, size=SIZE)


def test_depth_is_that_of_the_ray_through_the_middle_of_the_pixel(
    scenes: Scenes, rendered: tuple[np.ndarray, np.ndarray]
) -> None:
    rng = np.random.default_rng(0)
    errors, objects = [], 0
    for room in range(len(scenes)):
        for row, column in rng.integers(8, SIZE - 4, (12, 2)):
            direction = camera_ray(scenes, room, row, column, SIZE)
            t, _ = first_object(scenes, room, scenes.camera[room], direction, step=4e-3)
            wall = leave_room(scenes, room, scenes.camera[room], direction)
            errors.append(abs(float(rendered[1][room, row, column]) - min(t, wall)))
            objects += t < wall
    assert objects > 20
    # float32 at five metres; a ray that just grazes an edge may go either way.
    assert np.quantile(errors, 0.99) < 2e-4
    assert rendered[1].dtype == np.float32


def test_shapes_and_types(rendered: tuple[np.ndarray, np.ndarray]) -> None:
    images, depth = rendered
    assert images.shape == (12, SIZE, SIZE, 3)
    assert images.dtype == np.uint8
    assert depth.shape == (12, SIZE, SIZE)


def test_picture_and_depth_show_the_same_place(scenes: Scenes) -> None:
    matte = replace(scenes, material=np.zeros_like(scenes.material))
    changed = matte.colour.copy()
    changed[:, 0] = (changed[:, 0] + 4) % 8
    first, depth = render(matte, size=SIZE)
    second, same_depth = render(replace(matte, colour=changed), size=SIZE)
    without = matte.present.copy()
    without[:, 0] = False
    _, empty = render(replace(matte, present=without), size=SIZE)
    assert (depth == same_depth).all()
    recoloured = (first.astype(int) - second != 0).any(axis=-1)
    covered = empty > depth
    assert covered.mean() > 0.03
    assert recoloured[covered].all()
    # Outside change pixels that the object covers in part, next to one that it covers; and a few
    # that are smoothed in one of the pictures alone, for contrast is compared within a picture.
    near = np.zeros_like(covered)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            near |= np.roll(covered, (down, across), axis=(1, 2))
    assert recoloured[near & ~covered].mean() > 0.1
    assert recoloured[~near].mean() < 0.01


def test_a_room_looks_the_same_in_any_chunk(
    scenes: Scenes, rendered: tuple[np.ndarray, np.ndarray]
) -> None:
    for start, stop in ((0, 1), (5, 6), (3, 10)):
        images, depth = render(sample_scenes(0, np.arange(20 + start, 20 + stop)), size=SIZE)
        assert (images == rendered[0][start:stop]).all()
        assert (depth == rendered[1][start:stop]).all()


def test_objects_cast_shadows_away_from_the_lamp(scenes: Scenes) -> None:
    lamp = np.tile([-1.4, 2.4, 3.0], (len(scenes), 1))
    carpet = replace(
        scenes,
        light=lamp,
        floor=np.full_like(scenes.floor, 3),
        material=np.zeros_like(scenes.material),
        present=np.arange(5) < np.ones((len(scenes), 1)),
    )
    with_object, depth = render(carpet, size=SIZE)
    without, empty = render(replace(carpet, present=np.zeros_like(carpet.present)), size=SIZE)
    darker = (without.astype(int) - with_object).sum(axis=-1) > 60
    shadow = darker & (depth == empty)
    for room in range(len(scenes)):
        covered = np.flatnonzero((depth[room] < empty[room]).any(axis=0))
        columns = np.nonzero(shadow[room])[1]
        assert len(columns) > 10
        assert (columns > covered.mean()).mean() > 0.8


def test_materials_look_different(scenes: Scenes) -> None:
    seen = []
    for material in range(len(MATERIALS)):
        images, _ = render(
            replace(scenes, material=np.full_like(scenes.material, material)), size=SIZE
        )
        seen.append(images.astype(int))
    for a in range(4):
        for b in range(a):
            difference = np.abs(seen[a] - seen[b]).max(axis=-1) > 20
            assert (difference.mean(axis=(1, 2)) > 0.01).all(), (MATERIALS[a], MATERIALS[b])


def test_edges_are_smoothed(rendered: tuple[np.ndarray, np.ndarray], scenes: Scenes) -> None:
    # The mean of 3 x 3 pixels of a picture thrice as fine is nearer to the smoothed picture than
    # to its bare middle pixels.
    fine, _ = render(scenes, size=3 * SIZE)
    fine = fine.astype(float).reshape(-1, SIZE, 3, SIZE, 3, 3)
    bare, mean = fine[:, :, 1, :, 1], fine.mean(axis=(2, 4))
    smoothed = np.abs(rendered[0] - mean).mean()
    assert smoothed < 0.8 * np.abs(bare - mean).mean()


def test_pictures_are_neither_dark_nor_washed_out(
    rendered: tuple[np.ndarray, np.ndarray],
) -> None:
    brightness = rendered[0].mean(axis=(1, 2, 3))
    assert (brightness > 80).all()
    assert (brightness < 210).all()
    assert (rendered[0] == 255).all(axis=-1).mean() < 0.05
