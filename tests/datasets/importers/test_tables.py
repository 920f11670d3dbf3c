from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.csv_table import CsvTable
from polymodal_datasets.importers.jsonl_table import JsonlTable
from polymodal_datasets.importers.manifest import TableFile
from polymodal_datasets.importers.parquet_table import ParquetTable
from polymodal_datasets.importers.tables import open_table, tables_below

from .reading import touch


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("t.csv", CsvTable),
        ("t.TSV", CsvTable),
        ("t.jsonl", JsonlTable),
        ("t.ndjson", JsonlTable),
        ("t.parquet", ParquetTable),
    ],
)
def test_the_suffix_says_the_format(tmp_path: Path, name: str, kind: type) -> None:
    touch(tmp_path, name)
    assert type(open_table(TableFile(file=name), tmp_path)) is kind


def test_delimiters(tmp_path: Path) -> None:
    touch(tmp_path, "t.csv", "t.tsv", "t.txt")

    def delimiter(**options: str) -> str:
        found = open_table(TableFile.model_validate(options), tmp_path)
        assert isinstance(found, CsvTable)
        return found.delimiter

    assert delimiter(file="t.csv") == ","
    assert delimiter(file="t.tsv") == "\t"
    assert delimiter(file="t.csv", delimiter=";") == ";"
    assert delimiter(file="t.txt", format="tsv") == "\t"


def test_an_unknown_suffix_asks_for_the_format(tmp_path: Path) -> None:
    touch(tmp_path, "t.xlsx")
    with pytest.raises(PolymodalError, match=r"'\.xlsx' says no format"):
        open_table(TableFile(file="t.xlsx"), tmp_path)


def test_a_missing_table_suggests_the_nearest(tmp_path: Path) -> None:
    touch(tmp_path, "captions.csv", "readme.md")
    assert tables_below(tmp_path) == ["captions.csv"]
    with pytest.raises(PolymodalError, match=r"did you mean 'captions\.csv'"):
        open_table(TableFile(file="caption.csv"), tmp_path)
    with pytest.raises(PolymodalError, match="holds no CSV"):
        open_table(TableFile(file="none/caption.csv"), tmp_path)


def test_a_table_may_lie_elsewhere(tmp_path: Path) -> None:
    touch(tmp_path, "other/t.csv")
    found = open_table(TableFile(file=str(tmp_path / "other" / "t.csv")), tmp_path / "root")
    assert found.name == "t.csv"
