from __future__ import annotations

import threading
import time

import pytest
from polymodal_core.errors import ValueRejectedError
from polymodal_core.rows import BadRow, Item, Row
from polymodal_datasets.entries import Entry, make_entry
from polymodal_datasets.workers import PackingThreads


def entries(*ids: str | None) -> list[Entry]:
    rows = [
        BadRow("", "bad") if name is None else Row({"a": Item(name, name)}, origin=f"row {name}")
        for name in ids
    ]
    return [make_entry(number, row, {"a": 0}) for number, row in enumerate(rows)]


def pack(column: str, value: str) -> bytes:
    if value.startswith("bad"):
        raise ValueRejectedError(f"will not have {value}")
    return value.encode()


def test_entries_come_in_order_whatever_the_threads_do() -> None:
    def slow_first(column: str, value: str) -> bytes:
        time.sleep(0.02 if value == "0" else 0.0)
        return value.encode()

    names = [str(number) for number in range(200)]
    threads = PackingThreads(slow_first, known=lambda *_: False, workers=4)
    packed = list(threads.run(entries(*names)))
    assert [item.payloads["a"].decode() for item in packed] == names


def test_values_are_packed_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def together(column: str, value: str) -> bytes:
        barrier.wait()
        return b""

    threads = PackingThreads(together, known=lambda *_: False, workers=3)
    assert len(list(threads.run(entries("a", "b", "c")))) == 3


def test_an_item_of_several_rows_is_packed_once_and_known_ones_never() -> None:
    calls: list[str] = []
    stored: set[str] = {"known"}

    def counted(column: str, value: str) -> bytes:
        calls.append(value)
        return value.encode()

    threads = PackingThreads(counted, known=lambda _, name: name in stored, workers=2)
    for item in threads.run(entries("a", "a", "known", "b", *["a"] * 200)):
        if "a" in item.payloads:
            stored.add("a")
    assert sorted(calls) == ["a", "b"]


def test_a_rejected_item_is_tried_once_and_named_every_time() -> None:
    calls: list[str] = []

    def counted(column: str, value: str) -> bytes:
        calls.append(value)
        return pack(column, value)

    threads = PackingThreads(counted, known=lambda *_: False, workers=1)
    packed = list(threads.run(entries(*["bad"] * 100, None, "good")))
    assert [item.rejected for item in packed[:100]] == [("a", "will not have bad")] * 100
    assert (packed[100].payloads, packed[100].rejected) == ({}, None)
    assert packed[101].payloads == {"a": b"good"}
    assert calls == ["bad", "good"]


def test_two_values_under_one_id_are_packed_apart() -> None:
    rows = [Row({"a": Item("id", value)}) for value in ("first", "second")]
    both = [make_entry(number, row, {"a": 0}) for number, row in enumerate(rows)]
    threads = PackingThreads(pack, known=lambda *_: False, workers=1)
    assert [item.payloads["a"] for item in threads.run(both)] == [b"first", b"second"]


def test_a_fault_of_the_modality_says_where_it_happened() -> None:
    def faulty(column: str, value: str) -> bytes:
        raise KeyError("oops")

    threads = PackingThreads(faulty, known=lambda *_: False, workers=1)
    with pytest.raises(KeyError) as caught:
        list(threads.run(entries("x")))
    assert caught.value.__notes__ == ["while packing column 'a', item 'x' (row x)"]
