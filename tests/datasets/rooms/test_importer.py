from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from polymodal_core.rows import Row
from polymodal_datasets.rooms.attributes import attributes
from polymodal_datasets.rooms.captions import captions
from polymodal_datasets.rooms.classes import CLASS_NAMES, HELD_OUT
from polymodal_datasets.rooms.importer import RoomsConfig
from polymodal_datasets.rooms.render import render
from polymodal_datasets.rooms.scene import sample_scenes
from pydantic import ValidationError

SMALL = {"size": 16, "train": 6, "validation": 2, "test": 4, "heldout": 4}


def rows(**options: object) -> list[Row]:
    config = RoomsConfig.model_validate(SMALL | options)
    found = [row for row in config.build().rows() if isinstance(row, Row)]
    assert len(found) == config.build().total
    return found


def index_of(row: Row) -> int:
    assert row.instance is not None
    return int(row.instance.removeprefix("room/"))


def test_one_row_per_caption_points_at_one_picture() -> None:
    found = rows()
    assert len(found) == 3 * (6 + 2 + 4 + 4)
    by_room: dict[str, list[Row]] = {}
    for row in found:
        by_room.setdefault(str(row.instance), []).append(row)
    assert len(by_room) == 16
    for instance, of_room in by_room.items():
        assert len({row.items["text"].id for row in of_room}) == 3
        assert {row.items["image"].id for row in of_room} == {instance}
        assert {id(row.items["depth"].value) for row in of_room} == {
            id(of_room[0].items["depth"].value)
        }
        assert len({(row.label, row.split) for row in of_room}) == 1


def test_items_are_those_of_the_room() -> None:
    for row in rows():
        scenes = sample_scenes(0, np.array([index_of(row)]))
        images, depth = render(scenes, size=16)
        number = int(row.items["text"].id.partition("#")[2])
        assert row.items["text"].value == captions(scenes, count=3)[0][number]
        np.testing.assert_array_equal(row.items["image"].value, images[0])
        np.testing.assert_array_equal(row.items["attributes"].value, attributes(scenes)[0])
        millimetres = row.items["depth"].value
        assert millimetres.dtype == np.uint16
        assert np.abs(millimetres / 1000 - depth[0]).max() <= 0.00051
        assert row.label == CLASS_NAMES[scenes.label[0]]


def test_splits_come_with_their_classes() -> None:
    found = rows()
    assert [row.split for row in found[::3]] == (
        ["train"] * 6 + ["validation"] * 2 + ["test"] * 4 + ["heldout"] * 4
    )
    for row in found:
        assert (CLASS_NAMES.index(str(row.label)) in HELD_OUT) == (row.split == "heldout")


def test_a_prototype_is_one_item_per_class_and_the_mean_over_all_its_rooms() -> None:
    found = rows(train=200, test=70, heldout=80, columns=("attributes", "prototypes"))
    members: dict[str, dict[str, np.ndarray]] = {}
    for row in found:
        of_class = members.setdefault(str(row.label), {})
        of_class[str(row.instance)] = row.items["attributes"].value
    assert any(len(of_class) > 4 for of_class in members.values())
    ids: dict[str, str | None] = {}
    for row in found:
        mean = np.mean([v.astype(np.float64) for v in members[str(row.label)].values()], axis=0)
        np.testing.assert_allclose(row.items["prototypes"].value, mean, rtol=1e-5, atol=1e-6)
        assert ids.setdefault(row.items["prototypes"].id, row.label) == row.label
    assert len(ids) == len(members)


def test_columns_say_what_they_are() -> None:
    importer = RoomsConfig().build()
    assert {name: column.kind for name, column in importer.columns.items()} == {
        name: name for name in ("image", "text", "depth", "attributes", "prototypes")
    }
    assert [name for name, c in importer.columns.items() if c.of_classes] == ["prototypes"]
    assert importer.root is None
    assert importer.total == 3 * (4000 + 400 + 500 + 400)


def test_a_subset_of_columns() -> None:
    found = rows(columns=("text", "image"))
    assert {frozenset(row.items) for row in found} == {frozenset({"text", "image"})}
    assert list(RoomsConfig(columns=("depth",)).build().columns) == ["depth"]


def test_without_text_there_is_one_row_per_room() -> None:
    found = rows(columns=("image", "attributes"))
    assert len(found) == len({row.instance for row in found}) == 16


def test_the_same_rows_come_every_time() -> None:
    importer = RoomsConfig.model_validate(SMALL | {"missing": 0.3}).build()
    first, second = ([(r.origin, sorted(r.items)) for r in importer.rows()] for _ in range(2))  # type: ignore[union-attr]
    assert first == second


def test_a_share_of_every_column_is_missing_and_no_row_is_empty() -> None:
    found = rows(train=600, missing=0.4, columns=("text", "attributes", "prototypes"), captions=2)
    assert min(len(row.items) for row in found) == 1
    rooms = {row.instance: row for row in found}.values()
    # A row that would be empty keeps one column: 0.4 ** 3 of rows, a third of them each.
    kept = 0.6 + 0.4**3 / 3
    for name, among in (("text", found), ("attributes", rooms), ("prototypes", rooms)):
        share = np.mean([name in row.items for row in among])
        assert share == pytest.approx(kept, abs=4 * (kept * (1 - kept) / len(among)) ** 0.5)
    # The columns go missing independently of each other.
    both = np.mean([{"attributes", "text"} <= set(row.items) for row in found])
    assert both == pytest.approx(0.36, abs=0.07)


def test_missing_columns_change_nothing_else() -> None:
    whole = {row.origin: row for row in rows(columns=("text", "attributes"))}
    for row in rows(columns=("text", "attributes"), missing=0.5):
        for name, item in row.items.items():
            assert item.id == whole[row.origin].items[name].id
            assert np.array_equal(item.value, whole[row.origin].items[name].value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "greater than or equal to 8"),
        ({"missing": 1.0}, "less than 1"),
        ({"captions": 0}, "greater than or equal to 1"),
        ({"train": -1}, "greater than or equal to 0"),
        ({"columns": ("image", "image")}, "each once"),
        ({"columns": ()}, "one or more of image, text, depth, attributes, prototypes"),
        ({"columns": ("picture",)}, "'attributes', 'prototypes' or 'speech'"),
        ({"rooms": 3}, "Extra inputs"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RoomsConfig.model_validate(options)


def test_importing_the_config_is_light() -> None:
    code = (
        "import sys, polymodal_datasets.rooms.importer;"
        "print([m for m in ('numpy', 'torch', 'lmdb') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
