from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow
from polymodal_datasets.importers.csv_table import CsvTable
from polymodal_datasets.importers.manifest import TableFile
from polymodal_datasets.importers.tables import Record

from .reading import write


def table(path: Path, text: str, delimiter: str = ",", **options: Any) -> CsvTable:
    write(path / "t.csv", text)
    return CsvTable(path / "t.csv", "t.csv", TableFile(file="t.csv", **options), delimiter)


def read(table: CsvTable) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for record in table.records():
        assert isinstance(record, Record)
        found.append((record.origin, dict(record.cells)))
    return found


def test_a_record_stands_at_the_line_it_starts_on(tmp_path: Path) -> None:
    # A peer that counts records, or takes the reader's line after reading, says 2, 3 or 3, 5.
    text = 'id,text\n1,"two\nlines"\n\n2,"say ""hi"", twice"\n'
    found = read(table(tmp_path, text))
    assert found == [
        ("t.csv:2", {"id": "1", "text": "two\nlines"}),
        ("t.csv:5", {"id": "2", "text": 'say "hi", twice'}),
    ]


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_line_ends_of_any_system(tmp_path: Path, newline: str) -> None:
    text = newline.join(["id,text", "1,a", "2,b", ""])
    assert read(table(tmp_path, text)) == [
        ("t.csv:2", {"id": "1", "text": "a"}),
        ("t.csv:3", {"id": "2", "text": "b"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    found = table(tmp_path, "\ufeffid,text\n1,a\n")
    assert found.columns() == ["id", "text"]


def test_a_ragged_line_is_a_bad_row_and_the_next_is_read(tmp_path: Path) -> None:
    found = list(table(tmp_path, "id,text\n1,a, b\n2\n3,c\n").records())
    assert [type(item) for item in found] == [BadRow, BadRow, Record]
    assert [item.origin for item in found] == ["t.csv:2", "t.csv:3", "t.csv:4"]
    assert isinstance(found[0], BadRow)
    assert "3 fields where the header has 2" in found[0].message


def test_a_broken_quote_costs_one_row(tmp_path: Path) -> None:
    found = list(table(tmp_path, 'id,text\n1,"a"b\n2,c\n').records())
    assert isinstance(found[0], BadRow)
    assert found[0].origin == "t.csv:2"
    assert isinstance(found[1], Record)
    assert found[1].origin == "t.csv:3"


def test_a_quote_never_closed_is_reported_where_it_opens(tmp_path: Path) -> None:
    found = list(table(tmp_path, 'id,text\n1,a\n2,"b\n3,c\n').records())
    assert len(found) == 2
    assert isinstance(found[1], BadRow)
    assert found[1].origin == "t.csv:3"
    assert "never closed" in found[1].message


def test_dialects(tmp_path: Path) -> None:
    found = table(tmp_path, 'a|the "x\n', "|", header=("id", "text"), quote="")
    assert read(found) == [("t.csv:1", {"id": "a", "text": 'the "x'})]
    assert read(table(tmp_path, "id\ttext\n1\ta, b\n", "\t"))[0][1]["text"] == "a, b"


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    found = table(tmp_path, "id,text,,\n1,a,,\n")
    assert found.columns() == ["id", "text"]
    assert read(found) == [("t.csv:2", {"id": "1", "text": "a"})]


def test_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("id\ncafé\n".encode("latin-1"))
    file = TableFile(file="t.csv", encoding="latin-1")
    assert read(CsvTable(tmp_path / "t.csv", "t.csv", file, ","))[0][1] == {"id": "café"}
    wrong = TableFile(file="t.csv", encoding="utf-99")
    with pytest.raises(PolymodalError, match="cannot be read as 'utf-99'"):
        CsvTable(tmp_path / "t.csv", "t.csv", wrong, ",").columns()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("\n\n", "is empty"), ("a,b,a\n", "names a column twice: a")],
)
def test_unusable_headers(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        table(tmp_path, text).columns()


def test_count_is_the_number_of_records(tmp_path: Path) -> None:
    found = table(tmp_path, 'id,text\n1,"two\nlines"\n2\n\n3,c\n')
    assert found.count(()) == 3 == len(list(found.records()))
