from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.rows import Item, Row
from polymodal_datasets.entries import Entry, make_entry
from polymodal_datasets.ledger import Ledger

COLUMNS = {"image": 0, "text": 0}


def entry(number: int, *, label: str | None = None, **values: str) -> Entry:
    items = {name: Item(value.split("=")[0], value) for name, value in values.items()}
    return make_entry(number, Row(items, instance=values.get("image"), label=label), COLUMNS)


def test_numbers_follow_first_appearance() -> None:
    ledger = Ledger(list(COLUMNS))
    new = [
        ledger.accept(entry(0, image="b", text="t0", label="cat")),
        ledger.accept(entry(1, image="a", label="dog")),
        ledger.accept(entry(2, image="b", text="t1", label="cat")),
    ]
    assert new == [[("image", 0, "b"), ("text", 0, "t0")], [("image", 1, "a")], [("text", 1, "t1")]]
    assert ledger.table["image"].tolist() == [0, 1, 0]
    assert ledger.table["text"].tolist() == [0, -1, 1]
    assert ledger.table["label"].tolist() == [0, 1, 0]
    assert ledger.table["instance"].tolist() == [0, 1, 0]
    assert (ledger.num_rows, ledger.num_items) == (3, 4)


def test_one_id_with_two_values_is_a_conflict() -> None:
    ledger = Ledger(list(COLUMNS))
    ledger.accept(entry(0, text="id=first"))
    assert ledger.conflict(entry(1, text="id=first")) is None
    conflict = ledger.conflict(entry(2, text="id=second"))
    assert conflict is not None
    assert (conflict.column, conflict.item, conflict.entry) == ("text", "id", 2)


def test_restored_ledger_continues_as_the_first_would() -> None:
    entries = [
        entry(0, image="a", text="x", label="cat"),
        entry(1, image="a", text="y=first"),
        entry(2, image="b", label="dog"),
        entry(3, image="c", text="x", label="cat"),
        entry(4, text="y=second"),
    ]

    def take(ledger: Ledger, some: list[Entry]) -> None:
        for item in some:
            ledger.observe(item)
            conflict = ledger.conflict(item)
            if conflict is None:
                ledger.accept(item)
            else:
                ledger.skip(conflict)

    whole = Ledger(list(COLUMNS))
    take(whole, entries)

    first = Ledger(list(COLUMNS))
    take(first, entries[:2])
    chunks: list[dict[str, Any]] = [vars(first.take_chunk())]
    take(first, entries[2:3])
    chunks.append(vars(first.take_chunk()))
    second = Ledger(list(COLUMNS))
    second.restore(chunks, {name: list(numbers) for name, numbers in first.items.items()})
    for item in entries[:3]:
        second.observe_again(item, skipped=False)
    assert second.digest == chunks[-1]["digest"]
    take(second, entries[3:])

    assert second.table == whole.table
    assert second.items == whole.items
    assert second.names == whole.names
    assert second.skipped == whole.skipped
    assert len(whole.skipped) == 1  # y came with two values, once before the break and once after
    assert second.digest == whole.digest


def test_checksums_of_skipped_rows_are_not_taken_up() -> None:
    ledger = Ledger(list(COLUMNS))
    ledger.observe(entry(0, text="id=rejected"))
    ledger.skip(entry(0, text="id=rejected").skipped("bad"))
    ledger.observe(entry(1, text="id=accepted"))
    ledger.accept(entry(1, text="id=accepted"))
    chunk = vars(ledger.take_chunk())
    again = Ledger(list(COLUMNS))
    again.restore([chunk], {"image": [], "text": ["id"]})
    again.observe_again(entry(0, text="id=rejected"), skipped=True)
    again.observe_again(entry(1, text="id=accepted"), skipped=False)
    assert again.conflict(entry(2, text="id=accepted")) is None
    assert again.conflict(entry(2, text="id=rejected")) is not None


@pytest.mark.parametrize("changed", [{"text": "other"}, {"image": "x"}])
def test_digest_tells_changed_data(changed: dict[str, str]) -> None:
    first, second = Ledger(list(COLUMNS)), Ledger(list(COLUMNS))
    first.observe(entry(0, text="x"))
    second.observe(entry(0, **changed))
    assert first.digest != second.digest
