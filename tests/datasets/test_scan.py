from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest
from polymodal_datasets.layout import id_key, item_key, seal, table_key
from polymodal_datasets.scan import Damage, scan
from polymodal_datasets.store import Store


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy"
    shutil.copytree(packed, path)
    return path


def rewrite(path: Path, change: Callable[[lmdb.Transaction], Any]) -> Store:
    """Change the contents behind the store's back; its size is noted as if it had been packed."""
    environment = lmdb.open(str(path), lock=False, map_size=1 << 28)
    with environment, environment.begin(write=True) as transaction:
        change(transaction)
    description = json.loads((path / "store.json").read_text())
    description["data_bytes"] = (path / "data.mdb").stat().st_size
    (path / "store.json").write_text(json.dumps(description))
    return Store(path)


def found(store: Store) -> list[str]:
    return [str(item) for item in scan(store) if isinstance(item, Damage)]


def test_missing_and_left_over_entries(copy: Path) -> None:
    assert found(rewrite(copy, lambda transaction: transaction.delete(item_key("caption", 3)))) == [
        "item 3 of column 'caption' ('0#3'), caption/00000003: is missing"
    ]
    value = seal(item_key("caption", 3), b"text 0")
    put_back = rewrite(copy, lambda transaction: transaction.put(item_key("caption", 3), value))
    assert found(put_back) == []
    del put_back  # LMDB opens a file once in a process
    store = rewrite(copy, lambda transaction: transaction.put(b"caption/99999999", b"stray"))
    assert found(store) == ["data.mdb: 1 entries that belong to no column"]


def test_a_missing_id(copy: Path) -> None:
    store = rewrite(copy, lambda transaction: transaction.delete(id_key("caption", 3)))
    assert found(store) == ["item 3 of column 'caption', .id/caption/00000003: is missing"]


def test_a_value_changed_with_its_checksum_changes_the_fingerprint(copy: Path) -> None:
    key = item_key("caption", 3)
    store = rewrite(copy, lambda transaction: transaction.put(key, seal(key, b"another text")))
    assert found(store) == ["store.json: the fingerprint is not that of the contents"]


def after_changing(copy: Path, column: str, row: int, number: int) -> list[str]:
    table = Store(copy).table
    numbers = {**table.items, "label": table.label}[column].copy()
    numbers[row] = number
    key = table_key(column)
    return found(
        rewrite(copy, lambda transaction: transaction.put(key, seal(key, numbers.tobytes())))
    )


def test_a_table_that_points_nowhere(copy: Path) -> None:
    messages = after_changing(copy, "caption", 5, 100_000)
    count = Store(copy).columns["caption"].count
    assert f".table/caption: row 5 holds 100000; there are {count}" in messages
    messages = after_changing(copy, "label", 6, 3)
    assert ".table/label: row 6 holds 3; there are 3" in messages


def test_an_item_without_a_row(copy: Path) -> None:
    messages = after_changing(copy, "caption", 5, -1)
    assert "item 5 of column 'caption' ('1#0'), caption/00000005: belongs to no row" in messages


def test_a_table_of_another_length(copy: Path) -> None:
    key = table_key("label")
    store = rewrite(copy, lambda transaction: transaction.put(key, seal(key, bytes(8))))
    assert any("has 1 rows of 200" in text for text in found(store))


def test_a_description_that_was_edited(copy: Path) -> None:
    description = json.loads((copy / "store.json").read_text())
    description["bad_rows"] = 0
    (copy / "store.json").write_text(json.dumps(description))
    assert found(Store(copy)) == ["store.json: does not say what was packed"]
