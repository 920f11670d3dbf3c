from __future__ import annotations

from itertools import combinations

from polymodal_datasets.rooms.classes import (
    CLASS_NAMES,
    CLASSES,
    COLOURS,
    FLOORS,
    HELD_OUT,
    SHAPES,
    WALLS,
    RoomClass,
)


def values(room_class: RoomClass) -> tuple[str, str, str, str]:
    return room_class.shape, room_class.colour, room_class.walls, room_class.floor


def test_there_are_80_classes_and_20_are_held_out() -> None:
    assert len(CLASSES) == len(set(CLASS_NAMES)) == 80
    assert len(HELD_OUT) == 20
    assert [room_class.held_out for room_class in CLASSES].count(True) == 20


def test_every_value_occurs_in_training_and_is_tested() -> None:
    seen = [values(c) for c in CLASSES if not c.held_out]
    held_out = [values(c) for c in CLASSES if c.held_out]
    for part in (seen, held_out):
        for axis, names in enumerate((SHAPES, COLOURS, WALLS, FLOORS)):
            assert {value[axis] for value in part} == set(names)


def test_any_two_classes_differ_in_two_attributes() -> None:
    for a, b in combinations(CLASSES, 2):
        assert sum(x != y for x, y in zip(values(a), values(b), strict=True)) >= 2, (a, b)


def test_no_large_object_has_the_colour_of_its_walls() -> None:
    assert all(room_class.colour != room_class.walls for room_class in CLASSES)


def test_walls_and_floors_are_balanced() -> None:
    for axis, names in ((2, WALLS), (3, FLOORS)):
        for name in names:
            count = sum(values(c)[axis] == name for c in CLASSES)
            held_out = sum(values(CLASSES[index])[axis] == name for index in HELD_OUT)
            assert count == 80 / len(names)
            assert abs(held_out - 20 / len(names)) <= 1


def test_names_are_phrases_for_prompts() -> None:
    assert CLASS_NAMES[0] == "a room with a large red sphere, pink walls and a wooden floor"
