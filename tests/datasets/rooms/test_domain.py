"""Rooms in another domain: the same things, seen otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_core.rows import Row
from polymodal_datasets.rooms.domain import at_dusk, evening_colours
from polymodal_datasets.rooms.importer import RoomsConfig
from polymodal_datasets.rooms.scene import sample_scenes
from polymodal_datasets.rooms.world import rooms
from pydantic import ValidationError

COUNTS = {"train": 4, "validation": 2, "test": 6, "heldout": 2, "size": 16, "captions": 2}


def test_depth_and_words_stay_and_pictures_change() -> None:
    (day,) = rooms(np.arange(6), size=24, captions=2)
    (dusk,) = rooms(np.arange(6), size=24, captions=2, shifted=True)
    assert day.depth is not None
    assert dusk.depth is not None
    assert np.array_equal(day.depth, dusk.depth)
    assert day.captions == dusk.captions
    assert np.array_equal(day.attributes, dusk.attributes)
    assert day.images is not None
    assert dusk.images is not None
    change = np.abs(day.images.astype(int) - dusk.images).mean(axis=(1, 2, 3))
    assert (change > 15).all()
    warmth = [part[..., 0].mean() / part[..., 2].mean() for part in (day.images, dusk.images)]
    assert warmth[1] > 1.3 * warmth[0]


def test_the_lamp_stays_within_the_room() -> None:
    scenes = sample_scenes(0, np.arange(50))
    moved = at_dusk(scenes)
    assert (np.abs(moved.light[:, 0]) < scenes.half_width).all()
    assert (moved.light[:, 1] < scenes.light[:, 1]).all()
    assert np.array_equal(scenes.colour, moved.colour)


def test_colours_stay_in_range() -> None:
    white = np.full((1, 2, 2, 3), 255, np.uint8)
    assert evening_colours(white)[0, 0, 0].tolist() == [255, 242, 153]


def test_the_split_holds_rooms_of_test_as_items_of_their_own() -> None:
    importer = RoomsConfig.model_validate({**COUNTS, "shifted": 3}).build()
    found = [row for row in importer.rows() if isinstance(row, Row)]
    assert importer.total == len(found) == 2 * (14 + 3)
    test = [row for row in found if row.split == "test"]
    shifted = [row for row in found if row.split == "shifted"]
    assert [row.label for row in shifted] == [row.label for row in test[:6]]
    assert shifted[0].instance == f"{test[0].instance}/dusk"
    assert shifted[0].items["image"].id != test[0].items["image"].id
    assert shifted[0].items["text"].value == test[0].items["text"].value
    assert shifted[0].items["prototypes"].id == test[0].items["prototypes"].id
    plain = RoomsConfig.model_validate(COUNTS).build().rows()
    assert not [row for row in plain if isinstance(row, Row) and row.split == "shifted"]


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValidationError, match="shifted = 7: these are rooms of the 6 of test"):
        RoomsConfig.model_validate({**COUNTS, "shifted": 7})
