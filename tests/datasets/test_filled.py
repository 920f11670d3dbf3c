from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, StoreError
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets.filled import FilledStore, Filling, Gaps
from polymodal_datasets.pack import PackReport, pack
from polymodal_datasets.store import Store

from .fakes import FakeImporter, fake_registry, tile

GAPS = Gaps("depth", "note", "picture", "depth_confidence")
COLUMNS = {"picture": Column("tile"), "depth": Column("note", {"upper": True})}


def row(number: int, *, depth: bool, picture: bool = True, split: str = "train") -> Row:
    items = {"picture": Item(f"p{number // 2}", tile(number // 2))} if picture else {}
    if depth:
        items["depth"] = Item(f"d{number}", f"depth {number}")
    return Row(items, f"i{number // 2}", ["near", None][number % 2], split, f"r{number}")


@pytest.fixture
def given(tmp_path: Path) -> Store:
    """Ten rows, two a picture: of the last six, four lack depth and one lacks the picture."""
    rows: list[Row | BadRow] = [row(number, depth=True) for number in range(4)]
    rows += [row(number, depth=False) for number in range(4, 8)]
    rows += [row(8, depth=True, picture=False), row(9, depth=True, split="test")]
    pack(FakeImporter(rows, COLUMNS), tmp_path / "given", registry=fake_registry())
    return Store(tmp_path / "given")


class Estimate:
    """Makes bytes out of an item's number, and counts how often."""

    def __init__(self, fails: Callable[[int], bool] = lambda item: False) -> None:
        self.asked: Counter[int] = Counter()
        self.fails = fails
        self.lock = threading.Lock()

    def __call__(self, item: int) -> Filling:
        with self.lock:
            self.asked[item] += 1
        if self.fails(item):
            raise PolymodalError("the disk is full")
        return f"estimated {item}".encode(), f"trust {item}".encode()


def filled(store: Store, out: Path, estimate: Estimate, *, workers: int = 2) -> PackReport:
    importer = FilledStore(store, GAPS, estimate, token="m")
    return pack(importer, out, registry=fake_registry(), source={"kind": "x"}, workers=workers)


def test_everything_is_copied_and_the_gaps_are_filled(given: Store, tmp_path: Path) -> None:
    estimate = Estimate()
    report = filled(given, tmp_path / "new", estimate)
    new = Store(tmp_path / "new")
    assert report.items == {"picture": 5, "depth": 8, "depth_confidence": 2}
    assert report.skipped == 0
    assert estimate.asked == {2: 1, 3: 1}
    for column in COLUMNS:
        old_items, new_items = given.table.items[column], new.table.items[column]
        for number in range(len(given.table)):
            if old_items[number] >= 0:
                old, copied = int(old_items[number]), int(new_items[number])
                assert new.id(column, copied) == given.id(column, old)
                assert new.read(column, [copied]) == given.read(column, [old])
    places = new.table.items["depth"]
    assert new.read("depth", places[4:8]) == [
        *[b"estimated 2"] * 2,
        *[b"estimated 3"] * 2,
    ]
    assert new.id("depth", int(places[4])) == "p2#estimated"
    trusted = new.table.items["depth_confidence"]
    assert (trusted >= 0).tolist() == [False] * 4 + [True] * 4 + [False] * 2
    assert new.read("depth_confidence", trusted[4:5]) == [b"trust 2"]
    assert new.columns["depth"].options == {"upper": True}
    assert new.columns["depth_confidence"].kind == "tile"
    np.testing.assert_array_equal(new.table.split, given.table.split)
    np.testing.assert_array_equal(new.table.label, given.table.label)
    assert new.instance_names == given.instance_names
    assert (new.table.split_names, new.table.class_names) == (
        given.table.split_names,
        given.table.class_names,
    )


def test_true_values_are_those_of_the_split_that_were_not_estimated(
    given: Store, tmp_path: Path
) -> None:
    assert GAPS.true(given, "train").tolist() == [0, 1, 2, 3]
    assert GAPS.true(given, "test").tolist() == [9]
    assert GAPS.missing(given).tolist() == [4, 5, 6, 7]
    filled(given, tmp_path / "new", Estimate())
    new = Store(tmp_path / "new")
    assert GAPS.true(new, "train").tolist() == [0, 1, 2, 3]
    with pytest.raises(StoreError, match="lacks 'depth'; there is nothing to fill"):
        FilledStore(new, GAPS, Estimate(), token="m")


def test_an_interrupted_filling_goes_on_and_estimates_nothing_twice(
    given: Store, tmp_path: Path
) -> None:
    broken = Estimate(fails=lambda item: item == 3)
    with pytest.raises(PolymodalError, match="the disk is full"):
        filled(given, tmp_path / "new", broken, workers=1)
    again = Estimate()
    report = filled(given, tmp_path / "new", again, workers=1)
    assert report.resumed > 0
    assert again.asked == {3: 1}
    fresh = filled(given, tmp_path / "fresh", Estimate())
    assert report.fingerprint == fresh.fingerprint


def test_a_store_without_the_column_gets_it(tmp_path: Path) -> None:
    rows: list[Row | BadRow] = [row(number, depth=False) for number in range(4)]
    importer = FakeImporter(rows, {"picture": Column("tile")})
    pack(importer, tmp_path / "bare", registry=fake_registry())
    store = Store(tmp_path / "bare")
    assert GAPS.missing(store).tolist() == [0, 1, 2, 3]
    assert GAPS.true(store, "train").tolist() == []
    filled(store, tmp_path / "new", Estimate())
    assert Store(tmp_path / "new").columns["depth"].kind == "note"
