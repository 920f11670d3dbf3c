from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from polymodal_core.errors import StoreError
from polymodal_datasets import verify as module
from polymodal_datasets.layout import id_key, item_key, seal, table_key
from polymodal_datasets.scan import Damage, scan
from polymodal_datasets.store import Store
from polymodal_datasets.verify import num_keys, verify


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


def test_a_sound_store(packed: Path) -> None:
    positions: list[int] = []
    store = Store(packed)
    assert verify(store, progress=positions.append) == []
    assert positions == sorted(positions)
    assert positions[-1] == num_keys(store) > 200


@pytest.mark.parametrize("column", ["picture", "caption"])
def test_a_flipped_byte_names_its_item(copy: Path, column: str) -> None:
    store = Store(copy)
    item = store.columns[column].count // 2
    name = store.id(column, item)
    with store.transaction() as transaction:
        value = bytes(transaction.get(item_key(column, item), b""))
    raw = (copy / "data.mdb").read_bytes()
    flipped = value[:-1] + bytes([value[-1] ^ 1])
    (copy / "data.mdb").write_bytes(raw.replace(value, flipped))
    damages = verify(Store(copy))
    assert len(damages) == 1
    assert (damages[0].column, damages[0].item, damages[0].id) == (column, item, name)
    assert damages[0].key == f"{column}/{item:08d}"
    assert f"item {item} of column '{column}' ('{name}'), {column}/{item:08d}: is damaged" in str(
        damages[0]
    )


def test_bytes_flipped_anywhere_never_end_this_process(copy: Path) -> None:
    """In the pages of the tree as well: there a reader may run into memory that is not there."""
    raw = (copy / "data.mdb").read_bytes()
    expected = [Store(copy).read("caption", [item]) for item in range(20)]
    rng = np.random.default_rng(0)
    noticed = 0
    for place in rng.integers(0, len(raw), 8):
        damaged = bytearray(raw)
        damaged[place] ^= 0xFF
        (copy / "data.mdb").write_bytes(damaged)
        try:
            noticed += len(verify(Store(copy))) > 0
        except StoreError:  # LMDB itself refuses to open it
            noticed += 1
        else:
            continue
    (copy / "data.mdb").write_bytes(raw)
    assert noticed >= 3  # the rest of the bytes lie between values
    assert [Store(copy).read("caption", [item]) for item in range(20)] == expected


def test_a_reader_that_dies_is_a_damage(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    def dying(store: Store) -> Any:
        script = (
            "import os, signal; print('{\"position\": 256}', flush=True); "
            "os.kill(os.getpid(), signal.SIGBUS)"
        )
        return subprocess.Popen([sys.executable, "-c", script], stdout=-1, text=True)

    monkeypatch.setattr(module, "_reader", dying)
    damages = verify(Store(packed))
    assert len(damages) == 1
    assert "between caption/" in damages[0].message or "between picture/" in damages[0].message
    assert signal.SIGBUS.name in damages[0].message


def test_a_reader_that_fails_says_why(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(packed)
    monkeypatch.setattr(store, "path", packed / "nowhere")
    with pytest.raises(StoreError, match="no store here"):
        verify(store)


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


def test_cut_off_between_opening_and_verifying(copy: Path) -> None:
    store = Store(copy)
    os.truncate(copy / "data.mdb", 8192)
    with pytest.raises(StoreError, match="has 8192 bytes"):
        verify(store)
