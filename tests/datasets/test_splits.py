from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import StoreError
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets.config import DataConfig
from polymodal_datasets.pack import pack
from polymodal_datasets.splits import Splits, make_splits
from polymodal_datasets.store import Store

from .fakes import FakeImporter, fake_registry


def make_store(path: Path, rows: list[Row | BadRow]) -> Store:
    columns = {
        "picture": Column("note"),
        "caption": Column("note"),
        "word": Column("note", {}, True),
    }
    pack(FakeImporter(rows, columns=columns), path, registry=fake_registry())
    return Store(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """60 instances of 5 rows in train, 10 labels; 20 rows in each of validation and test."""
    rows: list[Row | BadRow] = []
    for instance in range(100):
        split = "train" if instance < 60 else "validation" if instance < 80 else "test"
        for caption in range(5 if split == "train" else 1):
            items = {"caption": Item(f"{instance}#{caption}", "text")}
            label = f"class {instance % 10}"
            rows.append(Row(items, instance=f"{instance}", label=label, split=split))
    return make_store(tmp_path_factory.mktemp("splits") / "s", rows)


def split(store: Store, seed: int = 0, **options: Any) -> Splits:
    return make_splits(store, DataConfig(store=store.path, **options), seed)


def test_the_stores_own_splits(store: Store) -> None:
    splits = split(store)
    assert splits.train.tolist() == list(range(300))
    assert splits.validation.tolist() == list(range(300, 320))
    assert splits.test.tolist() == list(range(320, 340))


@pytest.mark.parametrize(("size", "instances"), [(7, 7), (0.25, 15), (0.001, 1)])
def test_a_cut_takes_whole_instances(store: Store, size: float, instances: int) -> None:
    splits = split(store, validation_size=size)
    instance = store.table.instance
    assert len(np.unique(instance[splits.validation])) == instances
    assert len(splits.validation) == 5 * instances
    assert not set(instance[splits.validation]) & set(instance[splits.train])
    assert sorted([*splits.train, *splits.validation]) == list(range(300))
    assert (np.diff(splits.train) > 0).all()


def test_a_cut_depends_on_the_seed_alone(store: Store) -> None:
    first, again = (split(store, 3, validation_size=20).validation for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != split(store, 4, validation_size=20).validation.tolist()


def test_a_cut_by_label_holds_classes_out(store: Store) -> None:
    splits = split(store, validation_size=3, validation_by="label")
    label = store.table.label
    assert len(np.unique(label[splits.validation])) == 3
    assert not set(label[splits.validation]) & set(label[splits.train])
    assert len(splits.validation) == 3 * 6 * 5


def test_rows_of_unknown_instance_that_share_an_item_stay_together(tmp_path: Path) -> None:
    """A table of (picture, caption) without instances: five captions must not straddle the cut."""
    rows: list[Row | BadRow] = [
        Row(
            {
                "picture": Item(f"{n // 5}", "p"),
                "caption": Item(f"{n}", "c"),
                "word": Item("w", "w"),
            }
        )
        for n in range(100)
    ]
    store = make_store(tmp_path / "s", rows)
    splits = split(store, validation_size=4)
    pictures = store.table.items["picture"]
    assert len(splits.validation) == 20
    assert not set(pictures[splits.validation]) & set(pictures[splits.train])


def test_items_join_rows_over_several_steps(tmp_path: Path) -> None:
    def row(picture: int, caption: int) -> Row:
        return Row({"picture": Item(f"{picture}", "p"), "caption": Item(f"{caption}", "c")})

    # 0-1-2-3 hang together in a chain, given in an order that hides it; 4 stands alone.
    rows: list[Row | BadRow] = [row(0, 0), row(2, 2), row(1, 0), row(2, 1), row(1, 1), row(9, 9)]
    store = make_store(tmp_path / "s", rows)
    for seed in range(5):
        splits = split(store, seed, validation_size=1)
        assert sorted([len(splits.train), len(splits.validation)]) == [1, 5]


def test_an_instance_of_two_labels_stays_whole(tmp_path: Path) -> None:
    rows: list[Row | BadRow] = [
        Row(
            {"caption": Item(f"{n}", "c")}, instance=f"{n // 2}", label=f"{'abc'[(n + 1) // 2 % 3]}"
        )
        for n in range(30)
    ]
    store = make_store(tmp_path / "s", rows)
    with pytest.raises(StoreError, match="take every instance"):
        split(store, validation_size=2, validation_by="label")
    splits = split(store, validation_size=1, validation_by="label")
    instance = store.table.instance
    assert not set(instance[splits.validation]) & set(instance[splits.train])


@pytest.mark.parametrize("size", [60, 61, 1000, 0.9999])
def test_a_cut_must_leave_something(store: Store, size: float) -> None:
    with pytest.raises(StoreError, match=r"takes \d+ of the 60 instances in 'train'"):
        split(store, validation_size=size)


def test_unknown_labels_cannot_be_cut(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", [Row({"caption": Item("a", "a")}, instance="a")])
    with pytest.raises(StoreError, match="takes 1 of the 0 labels"):
        split(store, validation_size=1, validation_by="label")


def test_unknown_names_list_the_splits(store: Store) -> None:
    for name in ("train", "validation", "test"):
        options: dict[str, Any] = {name: "trian"}
        with pytest.raises(StoreError, match=r"no split 'trian'.*train \(300\), validation \(20\)"):
            make_splits(store, DataConfig(store=store.path, **options), 0)


def test_a_store_without_validation_is_told_how_to_cut_one(tmp_path: Path) -> None:
    store = make_store(
        tmp_path / "s", [Row({"caption": Item(f"{n}", "a")}, instance=f"{n}") for n in range(10)]
    )
    with pytest.raises(StoreError, match=r"data.validation_size \(such as 0.1\)"):
        split(store)
    splits = split(store, validation_size=0.1)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (9, 1, 0)


@pytest.mark.parametrize(
    "options",
    [
        {"validation": "test"},
        {"validation": "train"},
        {"test": "train", "validation_size": 3},
    ],
)
def test_one_split_cannot_serve_two_purposes(store: Store, options: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="cannot serve two purposes"):
        split(store, **options)


def test_limit_keeps_some_rows_of_each(store: Store) -> None:
    splits = split(store, limit=30)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (30, 20, 20)
    assert set(splits.train) < set(range(300))
    assert (np.diff(splits.train) > 0).all()
    assert splits.train.tolist() != list(range(30))
    assert splits.train.tolist() == split(store, limit=30).train.tolist()
