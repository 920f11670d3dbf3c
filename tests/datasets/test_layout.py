from __future__ import annotations

import pytest
from polymodal_core.errors import StoreError
from polymodal_datasets.layout import (
    Fingerprint,
    content_keys,
    id_key,
    item_key,
    names_key,
    seal,
    table_key,
    unseal,
)


def test_keys() -> None:
    assert item_key("image", 42) == b"image/00000042"
    keys = {id_key("image", 42), table_key("image"), names_key("label")}
    assert all(key.startswith(b".") for key in keys)  # no column's name does
    assert len(keys) == 3


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 10])
def test_seal_round_trip(payload: bytes) -> None:
    assert unseal(b"image/00000042", seal(b"image/00000042", payload)) == payload


def test_every_flipped_bit_is_noticed() -> None:
    value = seal(b"text/00000000", b"a red cube")
    for position in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(StoreError, match="text/00000000 is damaged"):
            unseal(b"text/00000000", bytes(flipped))


def test_a_value_under_another_key_is_noticed() -> None:
    with pytest.raises(StoreError, match="damaged"):
        unseal(b"text/00000001", seal(b"text/00000000", b"a red cube"))


def test_a_value_cut_off_within_its_checksum_is_noticed() -> None:
    with pytest.raises(StoreError, match="damaged"):
        unseal(b"text/00000000", b"ab")


def test_content_keys_come_once_each_and_in_order() -> None:
    keys = [key for _, _, key in content_keys({"image": 2, "text": 1})]
    first, second = (item_key("image", item) for item in (0, 1))
    assert keys[:4] == [first, id_key("image", 0), second, id_key("image", 1)]
    assert len(keys) == len(set(keys)) == 2 * 3 + 2 + 3 + 3


def test_fingerprint_depends_on_columns_values_and_order() -> None:
    def fingerprint(columns: dict[str, object], values: list[bytes]) -> str:
        made = Fingerprint(columns)
        for value in values:
            made.add(value)
        return made.hexdigest()

    one, two = seal(b"a/0", b"one"), seal(b"a/1", b"two")
    known = fingerprint({"a": 1}, [one, two])
    assert known == fingerprint({"a": 1}, [one, two])
    others = [
        fingerprint({"b": 1}, [one, two]),
        fingerprint({"a": 1}, [two, one]),
        fingerprint({"a": 1}, [one, one]),
        fingerprint({"a": 1}, [one]),
    ]
    assert known not in others
