from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import StoreError, UnknownNameError
from polymodal_core.rows import Column, Item, Row
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store, StoredColumn

from .fakes import FakeImporter, fake_registry, tile
from .processes import forked


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy"
    shutil.copytree(packed, path)
    return path


def edit(path: Path, **changes: Any) -> None:
    description = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps({**description, **changes}))


def test_columns_and_table(tmp_path: Path) -> None:
    columns = {"picture": Column("tile"), "word": Column("note", {"upper": True}, of_classes=True)}
    word = Item("cat", "cat")
    rows = [
        Row({"picture": Item("a", tile(0)), "word": word}, instance="x", label="cat", split="test"),
        Row({"word": word}, label="cat", split="train"),
        Row({"picture": Item("b", tile(1))}, instance="y", split="test"),
    ]
    pack(FakeImporter(rows, columns=columns), tmp_path / "s", registry=fake_registry())
    store = Store(str(tmp_path / "s"))
    assert store.columns == {
        "picture": StoredColumn("picture", "tile", {}, of_classes=False, count=2),
        "word": StoredColumn("word", "note", {"upper": True}, of_classes=True, count=1),
    }
    table = store.table
    assert {name: items.tolist() for name, items in table.items.items()} == {
        "picture": [0, -1, 1],
        "word": [0, 0, -1],
    }
    assert table.instance.tolist() == [0, -1, 1]
    assert table.label.tolist() == [0, 0, -1]
    assert table.split.tolist() == [0, 1, 0]
    assert table.class_names == ("cat",)
    assert table.split_names == ("test", "train")
    assert table.of_classes == {"word"}
    assert store.instance_names == ("x", "y")
    assert store.rows_of("test").tolist() == [0, 2]
    assert table.instance.dtype == store.rows_of("train").dtype == np.int64


def test_read(store: Store) -> None:
    payloads = store.read_batch({"caption": [3, 0, 3], "picture": []})
    assert payloads == {"caption": [b"text 0", b"text 0", b"text 0"], "picture": []}
    assert store.read("caption", np.array([5])) == [b"text 1"]
    assert store.id("picture", 1) == "1.png"


def test_a_batch_is_read_in_one_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = 0
    transaction = Store.transaction

    def counted(self: Store) -> Any:
        nonlocal begun
        begun += 1
        return transaction(self)

    monkeypatch.setattr(Store, "transaction", counted)
    store.read_batch({"caption": range(50), "picture": range(20)})
    assert begun == 1


def test_unknown_names_get_a_suggestion(store: Store) -> None:
    with pytest.raises(UnknownNameError, match="no column 'captions'; did you mean 'caption'"):
        store.read("captions", [0])
    with pytest.raises(UnknownNameError, match="known: caption, picture"):
        store.id("sound", 0)
    with pytest.raises(
        StoreError, match=r"'tset'; did you mean 'test'.*train \(135\), test \(65\)"
    ):
        store.rows_of("tset")
    with pytest.raises(StoreError, match=r"no item 9999 in column 'caption' \(items 0 to "):
        store.read("caption", [9999])


def test_describe_is_plain_and_adds_up(store: Store) -> None:
    described = store.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["rows"] == sum(described["splits"].values()) == 200
    picture = described["columns"]["picture"]
    assert picture["items"] == store.columns["picture"].count
    assert (
        picture["rows"]
        == sum(picture["splits"].values())
        == int(store.table.present("picture").sum())
    )
    assert described["bad_rows"] == 8
    assert described["classes"] == 3
    assert described["fingerprint"] == store.fingerprint


def test_a_pickled_store_reads_the_same(store: Store) -> None:
    store.read("caption", [0])  # opened: an environment itself cannot be pickled
    again = pickle.loads(pickle.dumps(store))
    assert again.read("caption", [7]) == store.read("caption", [7])


def test_the_folder_one_stands_in(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)
    assert Store(".").read("caption", [0]) == Store(copy).read("caption", [0])
    monkeypatch.chdir("/")
    with pytest.raises(StoreError, match="no store here"):
        Store(".")


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store here; make one with `polymodal-pack"):
        Store(tmp_path / "nothing")
    with pytest.raises(StoreError, match=r"store.json is missing"):
        Store(tmp_path)


def test_an_interrupted_pack_is_told_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.partial").mkdir()
    with pytest.raises(StoreError, match="interrupted: give the same polymodal-pack command again"):
        Store(tmp_path / "s")


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', '{"rows": 3}', '{"schema": 1}'])
def test_a_damaged_description(copy: Path, content: str) -> None:
    (copy / "store.json").write_text(content)
    with pytest.raises(StoreError, match=r"store\.json is damaged"):
        Store(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "many"}, "rows is 'many'"),
        ({"data_bytes": None}, "data_bytes is None"),
        ({"columns": []}, r"columns is \[\]"),
        ({"columns": {"picture": 3}}, r"columns\.picture is 3"),
        (
            {"columns": {"picture": {"kind": "image", "options": {}, "items": "7"}}},
            r"columns\.picture\.of_classes is missing; columns\.picture\.items is '7'; pack again",
        ),
    ],
)
def test_a_description_of_other_types(copy: Path, change: dict[str, Any], message: str) -> None:
    edit(copy, **change)
    with pytest.raises(StoreError, match=rf"store\.json is damaged: {message}"):
        Store(copy)


def test_another_schema_version(copy: Path) -> None:
    edit(copy, schema=2)
    with pytest.raises(StoreError, match=r"schema version 2; .* reads version 1. Pack"):
        Store(copy)


def test_missing_data(copy: Path) -> None:
    (copy / "data.mdb").unlink()
    with pytest.raises(StoreError, match=r"data\.mdb is missing; copy the whole folder again"):
        Store(copy)


def test_cut_off_data(copy: Path) -> None:
    """LMDB would open the file and die with SIGBUS at the first value behind the cut."""
    size = (copy / "data.mdb").stat().st_size
    os.truncate(copy / "data.mdb", size - 4096)
    with pytest.raises(StoreError, match=f"has {size - 4096} bytes where {size} were packed"):
        Store(copy)


def test_data_that_are_cut_off_after_the_store_was_opened(copy: Path) -> None:
    store = Store(copy)
    os.truncate(copy / "data.mdb", 8192)

    def read() -> None:
        with pytest.raises(StoreError, match="has 8192 bytes"):
            store.read("caption", [0])

    assert forked(read) == 0


def test_a_flipped_byte_is_named(copy: Path) -> None:
    store = Store(copy)
    pixels = store.read("picture", [4])[0][2:]
    name = store.id("picture", 4)
    raw = (copy / "data.mdb").read_bytes()
    (copy / "data.mdb").write_bytes(raw.replace(pixels, pixels[:-1] + bytes([pixels[-1] ^ 4])))
    store = Store(copy)
    with pytest.raises(StoreError, match=rf"item 4 of column 'picture' \('{name}'\).*checksum"):
        store.read("picture", [3, 4])
    assert store.read("picture", [3])
    assert repr(store) == f"Store('{copy}')"


def test_the_table_is_read_only(store: Store) -> None:
    with pytest.raises(ValueError, match="read-only"):
        store.table.instance[0] = 7


def test_columns_by_other_names(tmp_path: Path) -> None:
    columns = {"picture": Column("tile"), "word": Column("note", of_classes=True)}
    rows = [
        Row({"picture": Item("a", tile(0)), "word": Item("cat", "cat")}, label="cat"),
        Row({"word": Item("dog", "dog")}, label="dog"),
    ]
    pack(FakeImporter(rows, columns=columns), tmp_path / "s", registry=fake_registry())
    own = Store(tmp_path / "s")

    renamed = pickle.loads(pickle.dumps(Store(tmp_path / "s", names={"text": "word"})))

    assert list(renamed.columns) == ["text"]
    assert renamed.columns["text"].name == "text"
    assert renamed.read("text", [1]) == own.read("word", [1])
    assert renamed.id("text", 1) == "dog"
    assert renamed.table.items["text"].tolist() == [0, 1]
    assert renamed.table.of_classes == {"text"}
    assert renamed.describe()["columns"]["text"]["rows"] == 2
    with pytest.raises(UnknownNameError, match="no column 'word'"):
        renamed.read("word", [0])
    with pytest.raises(UnknownNameError, match="no column 'wrod'; did you mean"):
        Store(tmp_path / "s", names={"text": "wrod"})
