from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.idx_file import find_idx, read_idx

VALUES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def idx(values: np.ndarray, *, code: int = 8) -> bytes:
    shape = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, code, values.ndim]) + shape + values.tobytes()


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_compressed_or_not(tmp_path: Path, name: str) -> None:
    content = idx(VALUES)
    (tmp_path / name).write_bytes(gzip.compress(content) if name == "a.gz" else content)
    np.testing.assert_array_equal(read_idx(find_idx(tmp_path, "a")), VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes are no idx file"),
        (idx(VALUES)[:9], "9 bytes are no idx file"),
        (idx(VALUES)[:-1], r"23 values, where the header says \[2, 3, 4\]"),
        (idx(VALUES) + b"x", "25 values"),
        (idx(VALUES, code=0x0D), "is no idx file of unsigned bytes"),
        (b"\x89PNG" + idx(VALUES), "no idx file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(PolymodalError, match=message):
        read_idx(tmp_path / "a")


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(VALUES))[:-9])
    with pytest.raises(PolymodalError, match=r"a\.gz: cannot be read"):
        read_idx(tmp_path / "a.gz")
    (tmp_path / "b.gz").write_bytes(b"not compressed")
    with pytest.raises(PolymodalError, match=r"b\.gz: cannot be read"):
        read_idx(tmp_path / "b.gz")
    with pytest.raises(PolymodalError, match=r"has no c\.gz, nor c"):
        find_idx(tmp_path, "c")
