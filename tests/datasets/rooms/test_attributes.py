from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from polymodal_datasets.rooms.attributes import ATTRIBUTE_NAMES, attributes, prototypes
from polymodal_datasets.rooms.classes import CLASSES, COLOURS, SHAPES
from polymodal_datasets.rooms.scene import Scenes, sample_scenes
from polymodal_datasets.rooms.textures import OBJECT_PALETTE


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(0, np.arange(300))


def named(scenes: Scenes, room: int) -> dict[str, float]:
    return dict(zip(ATTRIBUTE_NAMES, attributes(scenes)[room].tolist(), strict=True))


def test_vectors_are_finite_float32_and_every_dimension_varies(scenes: Scenes) -> None:
    vectors = attributes(sample_scenes(0, np.arange(2000)))
    assert vectors.dtype == np.float32
    assert vectors.shape == (2000, len(ATTRIBUTE_NAMES))
    assert len(set(ATTRIBUTE_NAMES)) == len(ATTRIBUTE_NAMES)
    constant = [n for n, s in zip(ATTRIBUTE_NAMES, vectors.std(axis=0), strict=True) if s == 0]
    assert constant == ["other 1 from the left: present"]
    assert np.isfinite(vectors).all()


def test_the_class_can_be_read_off(scenes: Scenes) -> None:
    for room in range(0, 160, 2):
        vector, room_class = named(scenes, room), CLASSES[scenes.label[room]]
        assert vector[f"large shape: {room_class.shape}"] == 1
        assert vector[f"large colour: {room_class.colour}"] == 1
        assert vector[f"walls: {room_class.walls}"] == 1
        assert vector[f"floor: {room_class.floor}"] == 1
        assert sum(v for n, v in vector.items() if n.startswith(("large shape", "walls"))) == 2


def test_other_objects_are_counted_and_described_from_the_left(scenes: Scenes) -> None:
    for room in range(100):
        vector = named(scenes, room)
        slots = [s for s in range(1, 5) if scenes.present[room, s]]
        assert vector["other objects"] == len(slots)
        for number, shape in enumerate(SHAPES):
            count = sum(scenes.shape[room, slot] == number for slot in slots)
            assert vector[f"others of shape: {shape}"] == count
        slots.sort(key=lambda slot: scenes.position[room, slot, 0])
        for place in range(1, 5):
            about = {n.split(": ")[1]: v for n, v in vector.items() if f"other {place} " in n}
            if place > len(slots):
                assert set(about.values()) == {0}
                continue
            slot = slots[place - 1]
            assert about["x"] == pytest.approx(scenes.position[room, slot, 0], rel=1e-6)
            assert about["z"] == pytest.approx(scenes.position[room, slot, 2], rel=1e-6)
            assert about["size"] == pytest.approx(scenes.size[room, slot], rel=1e-6)
            palette = OBJECT_PALETTE[scenes.colour[room, slot]]
            assert [about[c] for c in ("red", "green", "blue")] == pytest.approx(palette.tolist())


def test_what_is_not_in_the_room_leaves_no_trace(scenes: Scenes) -> None:
    hidden = scenes.colour.copy()
    hidden[~scenes.present] = (hidden[~scenes.present] + 1) % len(COLOURS)
    x = np.where(scenes.decoration == 0, 9.0, scenes.decoration_x)
    same = attributes(replace(scenes, colour=hidden, decoration_x=x))
    np.testing.assert_array_equal(same, attributes(scenes))


def test_prototypes_are_means_over_all_instances(scenes: Scenes) -> None:
    vectors = attributes(scenes)
    found = prototypes(vectors, scenes.label)
    assert set(found) == set(scenes.label.tolist())
    for label, prototype in found.items():
        members = [v for v, of in zip(vectors, scenes.label, strict=True) if of == label]
        expected = sum(member.astype(np.float64) for member in members) / len(members)
        assert prototype.dtype == np.float32
        np.testing.assert_allclose(prototype, expected, rtol=1e-6, atol=1e-7)
