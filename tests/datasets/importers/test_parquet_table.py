from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.parquet_table import ParquetTable
from polymodal_datasets.importers.tables import Record

from .reading import write


@pytest.fixture
def table(tmp_path: Path) -> ParquetTable:
    columns = pa.table(
        {
            "id": ["a", "b", None],
            "meta": [{"caption": "x", "tags": ["p"]}, None, {"caption": None, "tags": []}],
            "vector": [[1.0, 2.0], None, [3.0, 4.0]],
        }
    )
    pq.write_table(columns, tmp_path / "t.parquet")
    return ParquetTable(tmp_path / "t.parquet", "t.parquet")


def test_records_are_numbered_from_one_and_flat(table: ParquetTable) -> None:
    found = [record for record in table.records() if isinstance(record, Record)]
    assert [record.origin for record in found] == ["t.parquet:1", "t.parquet:2", "t.parquet:3"]
    assert found[0].cells == {
        "id": "a",
        "meta.caption": "x",
        "meta.tags": ["p"],
        "vector": [1.0, 2.0],
    }
    assert found[1].cells.get("meta.caption") is None
    assert table.columns() == ["id", "meta.caption", "meta.tags", "vector"]


def test_only_wanted_columns_are_read(table: ParquetTable) -> None:
    (first, *_) = table.records({"meta.caption"})
    assert isinstance(first, Record)
    assert set(first.cells) == {"meta.caption", "meta.tags"}


def test_count_is_unknown_where_a_wanted_column_holds_lists(table: ParquetTable) -> None:
    assert table.count({"id", "meta.caption"}) == 3
    assert table.count({"vector"}) is None
    assert table.count({"meta.tags"}) is None


def test_numbers_go_on_from_batch_to_batch(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(2500))}), tmp_path / "t.parquet")
    found = list(ParquetTable(tmp_path / "t.parquet", "t.parquet").records())
    assert [record.origin for record in found] == [f"t.parquet:{n}" for n in range(1, 2501)]


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", "id\n1\n")
    with pytest.raises(PolymodalError, match="is no Parquet file"):
        ParquetTable(path, "t.parquet").columns()


def test_a_damaged_file_is_refused_not_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"n": list(range(5000))}), path, compression="zstd", use_dictionary=False
    )
    content = bytearray(path.read_bytes())
    content[40:400] = bytes(360)
    path.write_bytes(content)
    with pytest.raises(PolymodalError, match="damaged after row 0"):
        list(ParquetTable(path, "t.parquet").records())
