from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, StoreError, ValueRejectedError
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets import packer as module
from polymodal_datasets.pack import PackReport, pack
from polymodal_datasets.packer import PackProgress
from polymodal_datasets.partial import PartialStore
from polymodal_datasets.store import Store

from .fakes import FakeImporter, captioned, contents, fake_registry, tile


def packed(out: Path, entries: Sequence[Row | BadRow], **options: Any) -> PackReport:
    return pack(FakeImporter(entries), out, registry=fake_registry(), **options)


def row(number: int, *, origin: str = "", **values: Any) -> Row:
    items = {name: Item(f"{name}{number}", value) for name, value in values.items()}
    return Row(items, instance=str(number), origin=origin)


def test_five_captions_share_one_stored_picture(tmp_path: Path) -> None:
    entries = [entry for entry in captioned(3, 5) if isinstance(entry, Row)]
    report = packed(tmp_path / "s", entries)
    assert report.items == {"picture": 3, "caption": 15}
    store = Store(tmp_path / "s")
    assert store.table.items["picture"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert store.table.instance.tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_rows_are_joined_by_number_never_by_position(tmp_path: Path) -> None:
    """Columns that lack different rows still pair what belongs together."""
    entries: list[Row | BadRow] = [
        row(0, caption="only text"),
        row(1, picture=tile(1), caption="one"),
        row(2, picture=tile(2)),
        row(3, picture=tile(3), caption="three"),
    ]
    packed(tmp_path / "s", entries)
    store = Store(tmp_path / "s")
    table = store.table
    assert table.items["picture"].tolist() == [-1, 0, 1, 2]
    assert table.items["caption"].tolist() == [0, 1, -1, 2]
    last = store.read_batch({name: [items[3]] for name, items in table.items.items()})
    assert last["caption"] == [b"three"]
    assert last["picture"][0].endswith(tile(3).tobytes())


def test_every_value_comes_back(tmp_path: Path) -> None:
    entries: list[Row | BadRow] = [
        row(number, picture=tile(number), caption=f"text {number}") for number in range(300)
    ]
    report = packed(tmp_path / "s", entries, workers=3)
    store = Store(tmp_path / "s")
    assert store.read("caption", range(300)) == [f"text {n}".encode() for n in range(300)]
    pictures = store.read("picture", range(300))
    assert all(item[2:] == tile(number).tobytes() for number, item in enumerate(pictures))
    assert store.id("caption", 7) == "caption7"
    assert store.fingerprint == report.fingerprint


def test_the_store_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 4):
        packed(tmp_path / str(workers), captioned(20), workers=workers)
    assert contents(Store(tmp_path / "1")) == contents(Store(tmp_path / "4"))


def test_fingerprint_tells_other_contents(tmp_path: Path) -> None:
    first = packed(tmp_path / "a", [row(0, caption="text")]).fingerprint
    assert packed(tmp_path / "b", [row(0, caption="text")]).fingerprint == first
    assert packed(tmp_path / "c", [row(0, caption="Text")]).fingerprint != first
    assert packed(tmp_path / "d", [row(1, caption="text")]).fingerprint != first


def test_bad_rows_are_skipped_counted_and_listed(tmp_path: Path) -> None:
    entries: list[Row | BadRow] = [
        row(0, origin="t.csv:2", caption="good", picture=tile(0)),
        BadRow("t.csv:3", "7 cells, the header has 8"),
        row(2, origin="t.csv:4", caption="", picture=tile(2)),
        row(3, origin="t.csv:5", caption="text", picture=np.zeros((3, 3))),
        row(4, origin="t.csv:6"),
        row(0, origin="t.csv:7", caption="another text under a known id"),
        row(6, origin="t.csv:8", caption="good too"),
    ]
    report = packed(tmp_path / "s", entries)
    store = Store(tmp_path / "s")
    assert (report.rows, report.skipped) == (2, 5)
    # A skipped row leaves nothing behind: no picture of rows 2 and 3, no text of row 3.
    assert report.items == {"picture": 1, "caption": 2}
    assert store.describe()["bad_rows"] == 5
    lines = (tmp_path / "s/bad_rows.jsonl").read_text().splitlines()
    listed = [json.loads(line) for line in lines]
    assert [(item["entry"], item["origin"], item["column"], item["item"]) for item in listed] == [
        (1, "t.csv:3", None, None),
        (2, "t.csv:4", "caption", "caption2"),
        (3, "t.csv:5", "picture", "picture3"),
        (4, "t.csv:6", None, None),
        (5, "t.csv:7", "caption", "caption0"),
    ]
    assert [item["message"] for item in listed][:3] == [
        "7 cells, the header has 8",
        "empty text",
        "wanted [side, side, 3], given [3, 3]",
    ]
    assert "no value in any column" in listed[3]["message"]
    assert "another value" in listed[4]["message"]
    assert [str(item) for item in report.first_skipped][1] == (
        "t.csv:4: column 'caption', item 'caption2': empty text"
    )


def test_a_picture_of_a_skipped_row_is_stored_with_the_next_row_that_has_it(tmp_path: Path) -> None:
    shared = Item("shared.png", tile(1))
    entries: list[Row | BadRow] = [
        Row({"picture": shared, "caption": Item("a", "")}),
        *[row(number, caption="filler") for number in range(40)],
        Row({"picture": shared, "caption": Item("b", "good")}),
    ]
    report = packed(tmp_path / "s", entries, workers=1)
    assert report.items["picture"] == 1
    assert Store(tmp_path / "s").read("picture", [0])[0][2:] == tile(1).tobytes()


def test_no_file_of_bad_rows_where_there_are_none(tmp_path: Path) -> None:
    packed(tmp_path / "s", [row(0, caption="text")])
    assert sorted(item.name for item in (tmp_path / "s").iterdir()) == ["data.mdb", "store.json"]


def test_strict_stops_at_the_first_bad_row_and_goes_on_once_it_is_corrected(tmp_path: Path) -> None:
    good: list[Row | BadRow] = [row(number, caption=f"text {number}") for number in range(50)]
    bad = row(50, origin="t.csv:52", caption="")
    with pytest.raises(ValueRejectedError, match=r"t.csv:52: column 'caption'.*'caption50'.*empty"):
        packed(tmp_path / "s", [*good, bad], strict=True)
    assert not (tmp_path / "s").exists()
    report = packed(tmp_path / "s", [*good, row(50, caption="corrected")], strict=True)
    assert (report.resumed, report.rows) == (50, 51)


def test_strict_refuses_rows_that_were_skipped_before_it_was_asked_for(tmp_path: Path) -> None:
    entries: list[Row | BadRow] = [row(0, caption="text"), BadRow("t.csv:3", "torn")]
    source = {"kind": "fake"}

    class Broken(FakeImporter):
        def rows(self) -> Any:
            yield from self.entries
            raise PolymodalError("the disk went away")

    with pytest.raises(PolymodalError, match="went away"):
        pack(Broken(entries), tmp_path / "s", registry=fake_registry(), source=source)
    with pytest.raises(ValueRejectedError, match=r"t\.csv:3: torn"):
        packed(tmp_path / "s", entries, strict=True, source=source)


def test_nothing_is_left_where_no_row_is_good(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no row could be packed.*2 were bad\n  t.csv:2: torn"):
        packed(tmp_path / "s", [BadRow("t.csv:2", "torn"), row(1, caption="")])
    assert list(tmp_path.iterdir()) == []


def test_an_existing_store_is_never_overwritten(tmp_path: Path) -> None:
    packed(tmp_path / "s", [row(0, caption="first")])
    with pytest.raises(StoreError, match="holds a store already"):
        packed(tmp_path / "s", [row(0, caption="second")], restart=True)
    assert Store(tmp_path / "s").read("caption", [0]) == [b"first"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match="exists and is no store"):
        packed(tmp_path / "s", [row(0, caption="text")])
    (tmp_path / "t.partial").mkdir()
    (tmp_path / "t.partial/thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match=r"other files \(thesis.tex\)"):
        packed(tmp_path / "t", [row(0, caption="text")], restart=True)
    assert (tmp_path / "t.partial/thesis.tex").exists()


def test_an_empty_folder_may_become_the_store(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    packed(tmp_path / "s", [row(0, caption="text")])
    assert Store(tmp_path / "s").read("caption", [0]) == [b"text"]


def test_packing_into_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s").mkdir()
    monkeypatch.chdir(tmp_path / "s")
    with pytest.raises(StoreError, match="name a folder below it"):
        packed(Path(), [row(0, caption="text")])
    packed(Path("t"), [row(0, caption="text")])
    assert Store("t").read("caption", [0]) == [b"text"]


def test_columns_of_classes_and_columns_without_values(tmp_path: Path) -> None:
    columns = {"caption": Column("note"), "word": Column("note", of_classes=True)}
    importer = FakeImporter([row(0, caption="text")], columns=columns)
    pack(importer, tmp_path / "s", registry=fake_registry())
    store = Store(tmp_path / "s")
    assert store.table.of_classes == {"word"}
    assert store.columns["word"].count == 0
    assert store.table.items["word"].tolist() == [-1]


def test_progress_counts_up(tmp_path: Path) -> None:
    seen: list[PackProgress] = []
    packed(tmp_path / "s", captioned(20), progress=seen.append)
    assert [item.entries for item in seen] == list(range(1, len(captioned(20)) + 1))
    store = Store(tmp_path / "s")
    assert seen[-1].total == seen[-1].entries == seen[-1].rows + seen[-1].skipped
    assert seen[-1].rows == len(store.table)
    assert seen[-1].items == sum(column.count for column in store.columns.values())


def test_a_map_that_is_full_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polymodal_datasets.partial.MAP_BYTES", 1 << 16)
    monkeypatch.setattr(module, "CHUNK_VALUES", 100)
    entries: list[Row | BadRow] = [row(n, picture=tile(n, 40)) for n in range(200)]
    entries.append(row(200, picture=tile(200, 600)))  # a value that is larger than the map was
    packed(tmp_path / "s", entries)
    store = Store(tmp_path / "s")
    assert (tmp_path / "s/data.mdb").stat().st_size > 1 << 20
    assert store.read("picture", [200])[0][2:] == tile(200, 600).tobytes()


def test_chunks_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    commit = PartialStore.commit

    def counted(self: Any, chunk: Any, values: Any) -> None:
        commits.append(len(chunk.rows))
        commit(self, chunk, values)

    monkeypatch.setattr(PartialStore, "commit", counted)
    monkeypatch.setattr(module, "CHUNK_BYTES", 10_000)
    packed(tmp_path / "s", [row(n, picture=tile(n, 50)) for n in range(6)])
    assert max(commits) == 2  # 7,502 bytes each
