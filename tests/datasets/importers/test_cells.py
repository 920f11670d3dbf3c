from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from polymodal_datasets.importers.cells import (
    BadCell,
    numbers_of,
    text_of,
    texts_of,
    time_of,
    without_markers,
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        ("", None),
        (" \t", None),
        (float("nan"), None),
        ("  a b ", "a b"),
        (0, "0"),
        (False, "False"),
        (12.0, "12"),
        (0.5, "0.5"),
        ("été", "été"),
        (datetime(2020, 1, 2, 3), "2020-01-02T03:00:00"),
    ],
)
def test_text_of(cell: Any, text: str | None) -> None:
    assert text_of(cell) == text


@pytest.mark.parametrize("cell", [["a"], {"a": 1}, b"bytes"])
def test_what_is_no_single_text_is_refused(cell: Any) -> None:
    with pytest.raises(BadCell, match=f"holds a {type(cell).__name__}"):
        text_of(cell)


def test_a_byte_of_another_encoding_is_named() -> None:
    cell = b"caf\xe9".decode("utf-8", errors="surrogateescape")
    with pytest.raises(BadCell, match="byte 0xe9 does not fit"):
        text_of(cell)


def test_texts_of_leaves_out_empty_ones() -> None:
    assert texts_of("a; ;b;", ";") == ["a", "b"]
    assert texts_of("a;b", None) == ["a;b"]
    assert texts_of(["a", None, " ", 3], None) == ["a", "3"]
    assert texts_of(None, ";") == []


@pytest.mark.parametrize(
    ("cell", "separator", "numbers"),
    [
        ("1 2.5,3;-4e1", None, [1.0, 2.5, 3.0, -40.0]),
        ("[1, 2]", None, [1.0, 2.0]),
        ("1|2", "|", [1.0, 2.0]),
        (7, None, [7.0]),
        (0, None, [0.0]),
        ([1, 2.0, "3"], None, [1.0, 2.0, 3.0]),
        ("", None, []),
        (None, None, []),
    ],
)
def test_numbers_of(cell: Any, separator: str | None, numbers: list[float]) -> None:
    assert numbers_of(cell, separator) == numbers


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 x 3", "'x' is no number \\(value 2\\)"),
        ("1 nan", "nan at value 2"),
        ([1.0, float("inf")], "inf at value 2"),
        ([1.0, None], "None is no number \\(value 2\\)"),
    ],
)
def test_bad_numbers_are_named_with_their_place(cell: Any, message: str) -> None:
    with pytest.raises(BadCell, match=message):
        numbers_of(cell)


def test_times_are_exact() -> None:
    # As floats these two nanosecond stamps are equal, and 1.02 - 1.00 is more than 0.02.
    assert time_of("1700000000000000001") - time_of("1700000000000000000") == 1
    assert time_of("1.02") - time_of("1.00") == Decimal("0.02")
    assert time_of("1970-01-02") == 86_400
    assert time_of("1970-01-01T01:00:00.25+01:00") == Decimal("0.25")


@pytest.mark.parametrize("text", ["yesterday", "nan", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadCell, match=text):
        time_of(text)


def test_markers_are_empty_cells() -> None:
    cells = {"a": " NA", "b": "NAN", "c": ["NA"]}
    assert without_markers(cells, ("NA",)) == {"a": None, "b": "NAN", "c": ["NA"]}
