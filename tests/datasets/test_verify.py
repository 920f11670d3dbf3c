from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import StoreError
from polymodal_datasets import verify as module
from polymodal_datasets.layout import item_key
from polymodal_datasets.store import Store
from polymodal_datasets.verify import num_keys, verify


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy"
    shutil.copytree(packed, path)
    return path


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


def test_cut_off_between_opening_and_verifying(copy: Path) -> None:
    store = Store(copy)
    os.truncate(copy / "data.mdb", 8192)
    with pytest.raises(StoreError, match="has 8192 bytes"):
        verify(store)
