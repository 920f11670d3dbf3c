"""Every rule of an importer: one that breaks it alone is found out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
from polymodal_core.config import ImporterConfig
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_core.testing import ConformanceError, check_importer

from tests.core.toys import toy_registry

COLUMNS: dict[str, Any] = {
    "height": Column("number"),
    "word": Column("unheard_of", of_classes=True),
}


def row(number: int, **changes: Any) -> Row:
    items = {"height": Item(f"h{number}", float(number)), "word": Item("one", "one")}
    options: dict[str, Any] = {
        "items": items,
        "instance": f"i{number}",
        "label": "one",
        "origin": f"table.csv:{number}",
    }
    return Row(**{**options, **changes})


class Files:
    """An importer made of what it is given."""

    def __init__(
        self, rows: list[Any], columns: Any = COLUMNS, total: int | None = None, root: Any = None
    ) -> None:
        self.columns, self.total, self.root, self.listed = columns, total, root, rows
        self.turn = 0

    def rows(self) -> Iterator[Any]:
        self.turn += 1
        yield from (item(self.turn) if callable(item) else item for item in self.listed)


GIVEN: list[Any] = []


class FilesConfig(ImporterConfig):
    """Builds what `GIVEN` holds."""

    kind: Literal["files"] = "files"

    def build(self) -> Any:
        return GIVEN[-1]()


def check(*args: Any, **options: Any) -> None:
    GIVEN[:] = [lambda: Files(*args, **options)]
    check_importer(FilesConfig(), installed=toy_registry())


def items(**found: Item) -> dict[str, Item]:
    return found


def test_a_right_one_passes() -> None:
    bad = BadRow("table.csv:3", "no height")
    check([row(1), row(2, instance=None, label="one"), bad], total=3)
    check([row(1), row(2, items=items(height=Item("h1", 1.0)))], root="/data")
    arrays = [
        row(number, items=items(word=Item("a", np.array([1.0, np.nan])))) for number in (1, 2)
    ]
    check(arrays)


ONE = [row(1)]


@pytest.mark.parametrize(
    ("rows", "options", "rule"),
    [
        ([], {}, "must yield rows; there is none"),
        (ONE, {"columns": {}}, "must declare columns; there is none"),
        (ONE, {"columns": {"Height": Column("number")}}, "column name 'Height' is not lower-case"),
        (ONE, {"columns": {"height": "number"}}, "columns must be Column values; 'height' is"),
        (ONE, {"columns": 3}, "columns must be known before rows are read; it raised TypeError"),
        (ONE, {"root": 3}, "root must be a folder as str, or None; it is 3"),
        (ONE, {"total": 5}, "total must be the number of rows, or None; it is 5, there are 1"),
        ([row], {}, "rows must come in the same order every time"),
        (["row"], {}, "rows must be Row or BadRow; row 1"),
        ([row(1, origin="")], {}, r"a row must say where it comes from \(origin\); row 1"),
        ([BadRow("table.csv:1", "")], {}, "a bad row must say what is wrong with it; table.csv:1"),
        ([row(1, items={})], {}, "a row must have an item; table.csv:1"),
        ([row(1, split="")], {}, "a row must have a split"),
        ([row(1, label=3)], {}, "instance and label must be names, or None.*; table.csv:1: 3"),
        ([row(1, instance="")], {}, "instance and label must be names, or None"),
        (
            [row(1, items=items(depth=Item("d", 1.0)))],
            {},
            "items must be of a declared column; 'depth'",
        ),
        ([row(1, items=items(height=Item("", 1.0)))], {}, "an item needs an id"),
        (
            [row(1), row(2, items=items(height=Item("h1", 2.0)))],
            {},
            "an id must stand for one value in its column; table.csv:2",
        ),
        (
            [row(1), row(2, label="two")],
            {},
            "an item of a class column must stand for one class; table.csv:2",
        ),
        (
            [row(1, items=items(height=Item("h", "tall")))],
            {},
            "values of column 'height' must be packed by 'number'; it raised ValueRejected",
        ),
        (
            ONE,
            {"columns": {**COLUMNS, "height": Column("number", {"jiter": 1})}},
            "the options of column 'height' must be options of 'number'",
        ),
    ],
)
def test_a_broken_rule_is_named(rows: list[Any], options: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConformanceError, match=f"^FilesConfig: {rule}"):
        check(rows, **options)


def test_files_that_are_missing_are_reported() -> None:
    def fail() -> Any:
        raise FileNotFoundError("table.csv")

    GIVEN[:] = [fail]
    with pytest.raises(ConformanceError, match="must build where its files are; it raised FileNot"):
        check_importer(FilesConfig(), installed=toy_registry())
