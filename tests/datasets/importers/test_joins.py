from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.csv_table import CsvTable
from polymodal_datasets.importers.joins import JoinedTable, JoinKeys, bad_row, load_join
from polymodal_datasets.importers.manifest import TableFile
from polymodal_datasets.importers.templates import parse_template

from .reading import write


def joined(path: Path, text: str, keys: JoinKeys, *, missing: tuple[str, ...] = ()) -> JoinedTable:
    write(path / "j.csv", text)
    table = CsvTable(path / "j.csv", "j.csv", TableFile(file="j.csv"), ",")
    return load_join("j", table, keys, wanted={"v"}, missing=missing)


def equal() -> JoinKeys:
    return JoinKeys(parse_template("{id}"), parse_template("{key}"))


def nearest(tolerance: str = "0.02") -> JoinKeys:
    return JoinKeys(parse_template("{t}"), parse_template("{s}"), tolerance=Decimal(tolerance))


def test_by_key(tmp_path: Path) -> None:
    table = joined(tmp_path, "key,v\na,1\nb,2\n", equal())
    found = table.find({"id": "b"})
    assert found is not None
    assert (found.origin, found.cells["v"]) == ("j.csv:3", "2")
    assert table.find({"id": "c"}) is None
    assert table.find({"id": ""}) is None
    assert (table.matched, table.unmatched) == (1, 2)


def test_a_key_twice_or_empty_is_a_bad_row(tmp_path: Path) -> None:
    table = joined(tmp_path, "key,v\na,1\na,2\n,3\nNA,4\n", equal(), missing=("NA",))
    assert [row.origin for row in table.bad] == [
        "j.csv:3, column 'key'",
        "j.csv:4, column 'key'",
        "j.csv:5, column 'key'",
    ]
    assert "stands already at j.csv:2" in table.bad[0].message
    found = table.find({"id": "a"})
    assert found is not None
    assert found.cells["v"] == "1"


def test_the_nearest_time_of_an_unsorted_table(tmp_path: Path) -> None:
    table = joined(tmp_path, "s,v\n3.00,c\n1.00,a\n2.00,b\n", nearest())
    values = []
    for time in ("0.98", "1.02", "1.03", "1.99", "3.01", "9"):
        record = table.find({"t": time})
        values.append(None if record is None else record.cells["v"])
    assert values == ["a", "a", None, "b", "c", None]


def test_of_two_equally_near_the_earlier(tmp_path: Path) -> None:
    table = joined(tmp_path, "s,v\n1.02,b\n1.00,a\n", nearest())
    found = table.find({"t": "1.01"})
    assert found is not None
    assert found.cells["v"] == "a"


def test_a_time_that_is_none(tmp_path: Path) -> None:
    table = joined(tmp_path, "s,v\nsoon,a\n1,b\n", nearest())
    assert [row.origin for row in table.bad] == ["j.csv:2, column 's'"]
    with pytest.raises(BadCell, match="'late' is neither") as caught:
        table.find({"t": "late"})
    assert caught.value.columns == ("t",)


@pytest.mark.parametrize("tolerance", [None, Decimal(1)])
def test_by_keeps_sequences_apart(tmp_path: Path, tolerance: Decimal | None) -> None:
    by = parse_template("{seq}")
    keys = JoinKeys(parse_template("{t}"), parse_template("{s}"), by, by, tolerance)
    table = joined(tmp_path, "seq,s,v\nx,1,a\ny,1,b\n,1,c\n", keys)
    assert [row.origin for row in table.bad] == ["j.csv:4, column 'seq'"]
    found = table.find({"t": "1", "seq": "y"})
    assert found is not None
    assert found.cells["v"] == "b"
    assert table.find({"t": "1", "seq": "z"}) is None
    assert table.find({"t": "1", "seq": ""}) is None


def test_bad_row_names_a_few_columns() -> None:
    row = bad_row("t.csv:4", BadCell("is wrong", ["a", "b", "c", "d", "e"]))
    assert row.origin == "t.csv:4, columns 'a', 'b', 'c' and 2 more"
    assert bad_row("t.csv:4", BadCell("is wrong")).origin == "t.csv:4"
