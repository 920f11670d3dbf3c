from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PluginError
from polymodal_core.rows import BadRow, Item, Row
from polymodal_datasets.entries import LARGEST_CHECKED, SkippedRow, make_entry, value_checksum


def test_equal_values_have_equal_checksums() -> None:
    for value in ("text", Path("a/b.png"), b"bytes", 3, 2.5, [1, 2.0, "x"], (0.1, 0.2)):
        assert value_checksum(value) == value_checksum(value) != 0
    ones = np.ones(3)
    assert value_checksum(ones) == value_checksum(ones.copy()) != value_checksum(2 * ones)
    assert value_checksum("text") != value_checksum("texts")


def test_values_without_a_plain_form_are_trusted() -> None:
    assert value_checksum(object()) == value_checksum([object()]) == 0
    assert value_checksum(np.zeros(LARGEST_CHECKED + 1, dtype=np.uint8)) == 0
    assert value_checksum("x" * (LARGEST_CHECKED + 1)) == 0


def test_undeclared_column_is_the_importers_fault() -> None:
    row = Row({"pictures": Item("a", "a")}, origin="list.csv:3")
    with pytest.raises(PluginError, match=r"list.csv:3.*'pictures'.*did you mean 'picture'"):
        make_entry(0, row, {"picture": 0, "caption": 0})


def test_description_differs_where_entries_differ() -> None:
    columns = {"a": 0}
    row = Row({"a": Item("id", "value")}, instance="i", label="l", split="s", origin="o")
    others: list[Row | BadRow] = [
        Row({"a": Item("id", "VALUE")}, instance="i", label="l", split="s", origin="o"),
        Row({"a": Item("di", "value")}, instance="i", label="l", split="s", origin="o"),
        Row({}, instance="i", label="l", split="s", origin="o"),
        Row({"a": Item("id", "value")}, instance="j", label="l", split="s", origin="o"),
        Row({"a": Item("id", "value")}, instance="i", label=None, split="s", origin="o"),
        Row({"a": Item("id", "value")}, instance="i", label="l", split="t", origin="o"),
        Row({"a": Item("id", "value")}, instance="i", label="l", split="s", origin="p"),
        BadRow("o", "message"),
    ]
    known = make_entry(0, row, columns).describe()
    assert all(make_entry(0, other, columns).describe() != known for other in others)


def test_skipped_rows_name_the_value() -> None:
    entry = make_entry(7, Row({"a": Item("id", "v")}, origin="list.csv:9"), {"a": 0})
    assert str(entry.skipped("empty", column="a")) == "list.csv:9: column 'a', item 'id': empty"
    assert str(entry.skipped("no value")) == "list.csv:9: no value"
    assert str(SkippedRow(7, "", "no value")) == "entry 7: no value"
