"""What is known of rows before training."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.rows import Column, Item, Row
from polymodal_datasets.known_matches import KnownMatches, known_matches
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store

from .fakes import FakeImporter, fake_registry, tile


@pytest.fixture
def mixed(tmp_path: Path) -> Store:
    columns = {"picture": Column("tile"), "word": Column("note", {}, of_classes=True)}
    a, b, c = (Item(name, tile(number)) for name, number in (("a", 0), ("b", 1), ("c", 1)))
    cat, dog = Item("cat", "cat"), Item("dog", "dog")
    rows = [
        Row({"picture": a, "word": cat}, instance="x", label="cat", split="train"),
        Row({"picture": a}, instance="y", label="dog", split="train"),  # the same item as row 0
        Row({"picture": b, "word": dog}, label="dog", split="train"),
        Row({"picture": c}, split="train"),  # another item of the same bytes as row 2
        Row({"word": cat}, instance="x", split="train"),
        Row({"word": dog}, instance="z", label="cat", split="train"),
    ]
    pack(FakeImporter(rows, columns=columns), tmp_path / "s", registry=fake_registry())
    return Store(tmp_path / "s")


def pairs(matches: KnownMatches) -> set[tuple[int, int]]:
    return {
        (p, q)
        for p, q in combinations(range(len(matches.ids)), 2)
        if ((matches.ids[p] == matches.ids[q]) & (matches.ids[p] >= 0)).any()
    }


def found(store: Store, groups: Any, rows: list[int] | None = None) -> KnownMatches:
    chosen = store.rows_of("train") if rows is None else np.array(rows)
    return known_matches(store, chosen, ["picture", "word"], groups=groups)


ALIKE = {(0, 1), (2, 3), (0, 4), (2, 5)}  # one item; equal bytes; instance and word; word


@pytest.mark.parametrize("groups", ["none", "instance"])
def test_instances_items_and_equal_bytes_match(mixed: Store, groups: str) -> None:
    assert pairs(found(mixed, groups)) == ALIKE


def test_labels_match_where_they_are_the_groups(mixed: Store) -> None:
    assert pairs(found(mixed, "label")) == ALIKE | {(0, 5), (1, 2)}


def test_ids_of_two_kinds_never_meet(mixed: Store) -> None:
    ids = found(mixed, "label").ids
    kinds = [set(column[column >= 0].tolist()) for column in ids.T]
    assert sum(len(kind) for kind in kinds) == len(set().union(*kinds))


def test_whole_batches_mind_what_an_objective_leaves_in(mixed: Store) -> None:
    assert found(mixed, "none").whole_batch.tolist() == [True, True, False]
    assert found(mixed, "instance").whole_batch.tolist() == [False, True, False]
    assert found(mixed, "label").whole_batch.tolist() == [True, False, True, False]


def test_places_are_those_of_the_rows_given(mixed: Store) -> None:
    assert pairs(found(mixed, "none", [1, 2, 3])) == {(1, 2)}
