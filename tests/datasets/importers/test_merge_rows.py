from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import StoreError
from polymodal_core.plugins import registry
from polymodal_core.rows import BadRow, Column, Importer, Item, Row
from polymodal_datasets.importers.merge import MergeConfig
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store

from .reading import ids, rows_of


class Listed:
    """Rows as a test lists them."""

    root: str | None = None

    def __init__(self, columns: Mapping[str, Column], rows: list[Row]) -> None:
        self.columns, self._rows = columns, rows
        self.total = len(rows)

    def rows(self) -> Iterator[Row | BadRow]:
        yield from self._rows


TEXT, VECTOR, WORD = Column("text"), Column("attributes"), Column("text", of_classes=True)


def store(path: Path, columns: Mapping[str, Column], rows: list[Row]) -> Path:
    pack(Listed(columns, rows), path, registry=registry())
    return path


def one(tmp_path: Path, *, word: str = "dog") -> Path:
    rows = [
        Row({"text": Item("t0", "a dog"), "word": Item("dog", word)}, "i0", "dog", "train"),
        Row({"text": Item("t1", "no class")}, None, None, "dev"),
    ]
    return store(tmp_path / "one", {"text": TEXT, "word": WORD}, rows)


def two(tmp_path: Path, *, text: Column = TEXT) -> Path:
    items = {
        "text": Item("t0", "other"),
        "vector": Item("v", [0.5, 2.0]),
        "word": Item("dog", "dog"),
    }
    rows = [
        Row(items, "i0", "dog", "test"),
        Row({"text": Item("t9", "last"), "vector": Item("v", [0.5, 2.0])}, "i9", "cat", "dev"),
    ]
    return store(tmp_path / "two", {"vector": VECTOR, "text": text, "word": WORD}, rows)


def build(*stores: Path, **options: Any) -> Importer:
    return MergeConfig.model_validate({"stores": stores, **options}).build()


def test_rows_after_another_in_united_columns(tmp_path: Path) -> None:
    importer = build(one(tmp_path), two(tmp_path))
    rows = rows_of(importer)

    assert list(importer.columns) == ["text", "word", "vector"]
    assert ids(rows, "text") == ["one/t0", "one/t1", "two/t0", "two/t9"]
    assert ids(rows, "vector") == [None, None, "two/v", "two/v"]
    assert ids(rows, "word") == ["one/dog", None, "two/dog", None]
    assert [row.instance for row in rows] == ["one/i0", None, "two/i0", "two/i9"]
    assert [row.label for row in rows] == ["one/dog", None, "two/dog", "two/cat"]
    assert [row.split for row in rows] == ["train", "dev", "test", "dev"]
    assert importer.total == 4


def test_the_merged_store_holds_the_same_bytes(tmp_path: Path) -> None:
    first, second = one(tmp_path), two(tmp_path)
    pack(build(first, second), tmp_path / "both", registry=registry())
    both = Store(tmp_path / "both")

    place = 0
    for part in (Store(first), Store(second)):
        for row in range(len(part.table)):
            for column in both.columns:
                held = both.table.items[column][place]
                if column not in part.columns or part.table.items[column][row] < 0:
                    assert held == -1
                    continue
                wanted = part.read(column, [int(part.table.items[column][row])])
                assert both.read(column, [int(held)]) == wanted
            place += 1
    assert place == len(both.table)
    assert both.table.of_classes == {"word"}
    assert len(both.instance_names) == 3


def test_shared_labels_are_one_class_and_one_item(tmp_path: Path) -> None:
    pack(
        build(one(tmp_path), two(tmp_path), labels="shared"),
        tmp_path / "both",
        registry=registry(),
    )
    both = Store(tmp_path / "both")

    assert both.table.class_names == ("dog", "cat")
    assert both.columns["word"].count == 1
    assert both.columns["text"].count == 4


def test_shared_classes_of_other_values_are_bad_rows(tmp_path: Path) -> None:
    importer = build(one(tmp_path, word="a dog!"), two(tmp_path), labels="shared")

    report = pack(importer, tmp_path / "both", registry=registry())

    assert report.skipped == 1
    assert "another value" in report.first_skipped[0].message


def test_splits_are_renamed_and_left_out(tmp_path: Path) -> None:
    splits = {"dev": "validation", "two/dev": "train", "test": ""}
    importer = build(one(tmp_path), two(tmp_path), splits=splits)

    rows = rows_of(importer)

    assert [row.split for row in rows] == ["train", "validation", "train"]
    assert importer.total == 3
    notes = importer.notes  # type: ignore[attr-defined]
    assert notes == {"rows of split 'test' of two, left out": 1}


def test_rows_come_in_the_same_order_every_time(tmp_path: Path) -> None:
    stores = one(tmp_path), two(tmp_path)

    assert rows_of(build(*stores)) == rows_of(build(*stores))


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    first = one(tmp_path)
    with pytest.raises(StoreError, match="both called 'one'"):
        build(first, one(tmp_path / "deep"))
    with pytest.raises(StoreError, match="no store has a split 'tset'"):
        build(first, splits={"tset": "test"})
    with pytest.raises(StoreError, match="no store here"):
        build(first, tmp_path / "none")
    other = two(tmp_path, text=Column("text", of_classes=True))
    with pytest.raises(
        StoreError, match=r"'text' is text \(no options\) in one and text \(an item"
    ):
        build(first, other)
