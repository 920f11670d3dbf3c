"""Features kept on disk under what they were computed from."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import StoreError
from polymodal_datasets import feature_store
from polymodal_datasets.feature_store import FeatureStore

MADE_BY = b"m" * 16


def features(first: int, count: int, *, dim: int = 4) -> dict[bytes, np.ndarray]:
    return {
        number.to_bytes(16, "big"): np.full(dim, number, dtype=np.float32)
        for number in range(first, first + count)
    }


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = features(0, 5)
    with FeatureStore(tmp_path / "f") as kept:
        kept.write(MADE_BY, written)
    with FeatureStore(tmp_path / "f") as kept:
        found = kept.read(MADE_BY, [*written, b"?" * 16])
    assert found.keys() == written.keys()
    for key, value in written.items():
        assert np.array_equal(found[key], value)
        assert found[key].dtype == np.float32


def test_another_maker_finds_nothing(tmp_path: Path) -> None:
    with FeatureStore(tmp_path / "f") as kept:
        kept.write(MADE_BY, features(0, 2))
        assert kept.read(b"o" * 16, list(features(0, 2))) == {}


def test_several_axes_come_back(tmp_path: Path) -> None:
    value = np.arange(6, dtype=np.float32).reshape(2, 3)
    with FeatureStore(tmp_path / "f") as kept:
        kept.write(MADE_BY, {b"k" * 16: value})
        assert np.array_equal(kept.read(MADE_BY, [b"k" * 16])[b"k" * 16], value)


def test_a_flipped_byte_counts_as_absent(tmp_path: Path) -> None:
    marked = {b"k" * 16: np.full(64, 1.2345, dtype=np.float32)}
    with FeatureStore(tmp_path / "f") as kept:
        kept.write(MADE_BY, marked)
    data = tmp_path / "f/data.mdb"
    content = bytearray(data.read_bytes())
    place = content.find(np.float32(1.2345).tobytes() * 8)
    assert place > 0
    content[place + 9] ^= 1
    data.write_bytes(content)
    with FeatureStore(tmp_path / "f") as kept:
        assert kept.read(MADE_BY, list(marked)) == {}


def test_the_map_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_store, "FIRST_MAP_BYTES", 1 << 16)
    many = features(0, 500, dim=64)
    with FeatureStore(tmp_path / "f") as kept:
        kept.write(MADE_BY, many)
        assert len(kept.read(MADE_BY, list(many))) == 500


def _write(path: Path, first: int) -> None:
    for start in range(first, first + 100, 10):
        with FeatureStore(path) as kept:
            kept.write(MADE_BY, features(start, 10))


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path / "f", at)) for at in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with FeatureStore(tmp_path / "f") as kept:
        assert len(kept.read(MADE_BY, list(features(0, 200)))) == 200


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a file is in the way")
    with pytest.raises(StoreError, match="cached features cannot be kept here"):
        FeatureStore(tmp_path / "f")
