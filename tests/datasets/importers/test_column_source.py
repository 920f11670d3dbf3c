from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.rows import Column, Item
from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.column_source import ColumnSource, Form
from polymodal_datasets.importers.templates import parse_template

from .reading import touch, write


def source(form: Form, template: str, *, of_classes: bool = False, **options: Any) -> ColumnSource:
    parsed: dict[str, Any] = {
        name: parse_template(value) if name in ("entry", "id") else value
        for name, value in options.items()
    }
    column = Column("kind", of_classes=of_classes)
    return ColumnSource("name", column, form, parse_template(template), **parsed)


def items(
    found: ColumnSource, cells: dict[str, Any], root: Path = Path(), label: str | None = None
) -> list[Item]:
    return found.items(cells, origin="t.csv:2", label=label, root=root)


def test_a_text_is_named_by_its_place() -> None:
    assert items(source("text", "a {x}"), {"x": "b"}) == [Item("t.csv:2#name", "a b")]
    assert items(source("text", "{x}"), {"x": ""}) == []


def test_several_texts_are_numbered_or_joined() -> None:
    split = source("text", "{x}", separator=";")
    assert items(split, {"x": "a;b"}) == [Item("t.csv:2#name/0", "a"), Item("t.csv:2#name/1", "b")]
    assert items(split, {"x": "a"}) == [Item("t.csv:2#name", "a")]
    assert split.may_expand
    joined = source("text", "{x}", separator=";", joiner=", ")
    assert items(joined, {"x": "a;b"}) == [Item("t.csv:2#name", "a, b")]
    assert items(joined, {"x": ";"}) == []
    assert not joined.may_expand


def test_an_id_of_ones_own() -> None:
    found = source("text", "{x}", id="caption {n}", separator=";")
    assert items(found, {"x": "a", "n": 4}) == [Item("caption 4", "a")]
    assert [item.id for item in items(found, {"x": "a;b", "n": 4})] == [
        "caption 4/0",
        "caption 4/1",
    ]
    with pytest.raises(BadCell, match="its id is empty") as caught:
        items(found, {"x": "a", "n": ""})
    assert caught.value.columns == ("n",)
    assert items(found, {"x": "", "n": ""}) == []


def test_a_value_of_a_class_is_named_by_it() -> None:
    found = source("text", "{x}", of_classes=True)
    assert items(found, {"x": "a bird"}, label="bird") == [Item("bird", "a bird")]
    with pytest.raises(BadCell, match="the row has no label"):
        items(found, {"x": "a bird"})


def test_paths_are_checked_and_spelt_one_way(tmp_path: Path) -> None:
    touch(tmp_path, "images/1.jpg", "images/2.jpg")
    found = source("path", "./images//{x}.jpg", separator=";")
    assert items(found, {"x": "1;2"}, tmp_path) == [
        Item("images/1.jpg", "images/1.jpg"),
        Item("images/2.jpg", "images/2.jpg"),
    ]


@pytest.mark.parametrize("name", ["3", "", "x" * 5000, "sub/../.."])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "images/1.jpg")
    found = source("path", "images/{x}.jpg")
    if not name:
        assert items(found, {"x": name}, tmp_path) == []
        return
    with pytest.raises(BadCell, match=r"name: no such file: .*images") as caught:
        items(found, {"x": name}, tmp_path)
    assert caught.value.columns == ("x",)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    touch(tmp_path, "images/1.jpg")
    with pytest.raises(BadCell, match="no such file"):
        items(source("path", "{x}"), {"x": "images"}, tmp_path)


def test_texts_from_files(tmp_path: Path) -> None:
    write(tmp_path / "1.txt", "\ufeff one\r\n\r\ntwo \n")
    whole = source("text file", "{x}.txt")
    assert items(whole, {"x": 1}, tmp_path) == [Item("1.txt", "one\n\ntwo")]
    lines = source("text file", "{x}.txt", separator="\n")
    assert items(lines, {"x": 1}, tmp_path) == [Item("1.txt#0", "one"), Item("1.txt#1", "two")]
    joined = source("text file", "{x}.txt", separator="\n", joiner=". ")
    assert items(joined, {"x": 1}, tmp_path) == [Item("1.txt", "one. two")]


def test_bad_texts_in_files(tmp_path: Path) -> None:
    write(tmp_path / "1.txt", " \n")
    (tmp_path / "2.txt").write_bytes(b"caf\xe9")
    with pytest.raises(BadCell, match="holds no text"):
        items(source("text file", "{x}.txt"), {"x": 1}, tmp_path)
    with pytest.raises(BadCell, match="cannot be read as UTF-8"):
        items(source("text file", "{x}.txt"), {"x": 2}, tmp_path)


def test_vectors_from_cells() -> None:
    (item,) = items(source("vector", "{a} {b}"), {"a": "1", "b": [2, 3]})
    assert item.id == "t.csv:2#name"
    assert item.value.dtype == np.float32
    assert item.value.tolist() == [1, 2, 3]
    assert items(source("vector", "{a} {b}"), {"a": "", "b": None}) == []


@pytest.mark.parametrize(
    ("cells", "columns", "message"),
    [
        ({"a": "1", "b": ""}, ("b",), "is empty, while"),
        ({"a": "1", "b": "nan"}, ("b",), "nan at value 1"),
        ({"a": "x", "b": "1"}, ("a",), "'x' is no number"),
        ({"a": "1e300", "b": "1"}, ("a", "b"), "at value 1; every number must be finite"),
    ],
)
def test_bad_vectors_name_their_column(
    cells: dict[str, Any], columns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadCell, match=f"name: .*{message}") as caught:
        items(source("vector", "{a} {b}"), cells)
    assert caught.value.columns == columns


def test_vectors_from_files(tmp_path: Path) -> None:
    np.save(tmp_path / "all.npy", np.arange(6.0).reshape(2, 3))
    found = source("vector file", "all.npy", entry="{row}")
    (item,) = items(found, {"row": 1}, tmp_path)
    assert item.id == "all.npy#1"
    assert item.value.tolist() == [3, 4, 5]
    assert items(found, {"row": ""}, tmp_path) == []
    with pytest.raises(BadCell, match="has no row '2'") as caught:
        items(found, {"row": 2}, tmp_path)
    assert caught.value.columns == ("row",)


def test_a_file_may_hold_all_vectors_of_a_class(tmp_path: Path) -> None:
    np.save(tmp_path / "all.npy", np.arange(6.0).reshape(2, 3))
    found = source("vector file", "{x}.npy", of_classes=True)
    assert items(found, {"x": "all"}, tmp_path)[0].value.shape == (2, 3)
    with pytest.raises(BadCell, match="`entry` takes one row"):
        items(source("vector file", "{x}.npy"), {"x": "all"}, tmp_path)
