from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow
from polymodal_datasets.importers.jsonl_table import JsonlTable, flattened
from polymodal_datasets.importers.tables import Record

from .reading import write


def table(path: Path, text: str) -> JsonlTable:
    return JsonlTable(write(path / "t.jsonl", text), "t.jsonl")


def test_lines_become_records_with_their_numbers(tmp_path: Path) -> None:
    found = list(table(tmp_path, '\ufeff{"a": 1, "b": {"c": "x"}}\r\n\n{"a": [1, 2]}\n').records())
    assert found == [
        Record("t.jsonl:1", {"a": 1, "b.c": "x"}),
        Record("t.jsonl:3", {"a": [1, 2]}),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "no JSON: .* at character"),
        ("[1, 2]", "a JSON list where an object"),
        ("7", "a JSON int where an object"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_bad_json_is_a_bad_row_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    found = list(table(tmp_path, f'{{"a": 1}}\n{line}\n{{"a": 2}}\n').records())
    assert [item.origin for item in found] == ["t.jsonl:1", "t.jsonl:2", "t.jsonl:3"]
    bad = found[1]
    assert isinstance(bad, BadRow)
    assert re.search(message, bad.message)


def test_a_column_that_first_appears_late_is_found_when_wanted(tmp_path: Path) -> None:
    lines = [json.dumps({"a": number}) for number in range(1500)]
    found = table(tmp_path, "\n".join([*lines, '{"rare": 1}']))
    assert found.columns() == ["a"]
    assert found.columns(["rare"]) == ["a", "rare"]


def test_a_file_without_objects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match="holds no JSON object"):
        table(tmp_path, "\n1\n").columns()


def test_flattened() -> None:
    assert flattened({"a": {"b": {"c": 1}, "d": []}, "e": None}) == {
        "a.b.c": 1,
        "a.d": [],
        "e": None,
    }
