from __future__ import annotations

from pathlib import Path

from polymodal_core.rows import BadRow, Item, Row
from polymodal_datasets.deferred import Deferred
from polymodal_datasets.entries import value_checksum
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store

from .fakes import FakeImporter, fake_registry


def test_the_token_of_a_value_stands_for_it() -> None:
    one, other = (Deferred(token, lambda: b"") for token in ("one", "other"))
    assert value_checksum(one) == value_checksum(Deferred("one", lambda: b"x"))
    assert value_checksum(one) != value_checksum(other)


def test_its_bytes_are_stored_as_they_are_and_made_once(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> bytes:
        made.append("x")
        return b"kept in lower case"

    rows: list[Row | BadRow] = [
        Row({"caption": Item("one", Deferred("t", make))}, origin=f"r{number}")
        for number in range(200)
    ]
    options = {"caption": {"upper": True}}
    pack(FakeImporter(rows), tmp_path / "s", registry=fake_registry(), options=options)
    assert Store(tmp_path / "s").read("caption", [0]) == [b"kept in lower case"]
    assert made == ["x"]
