"""The row table."""

from __future__ import annotations

import numpy as np
from polymodal_core.table import RowTable


def integers(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


TABLE = RowTable(
    items={"image": integers(0, 0, 1, -1), "text": integers(5, 6, -1, 7)},
    instance=integers(0, 0, 1, 2),
    label=integers(1, 1, -1, 0),
    split=integers(0, 0, 1, 1),
    class_names=("cat", "dog"),
    split_names=("train", "test"),
    of_classes=frozenset({"text"}),
)


def test_length_and_presence() -> None:
    assert len(TABLE) == 4
    assert TABLE.present("image").tolist() == [True, True, True, False]


def test_selecting_rows_keeps_item_numbers_and_names() -> None:
    part = TABLE.select(integers(3, 1))
    assert len(part) == 2
    assert {name: numbers.tolist() for name, numbers in part.items.items()} == {
        "image": [-1, 0],
        "text": [7, 6],
    }
    assert part.instance.tolist() == [2, 0]
    assert part.label.tolist() == [0, 1]
    assert part.split.tolist() == [1, 0]
    assert part.class_names == TABLE.class_names
    assert part.split_names == TABLE.split_names
    assert part.of_classes == TABLE.of_classes
    assert len(TABLE.select(integers())) == 0
