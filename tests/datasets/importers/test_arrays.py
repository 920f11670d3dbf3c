from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymodal_datasets.importers.arrays import as_vector, read_vector
from polymodal_datasets.importers.cells import BadCell


def test_a_whole_file_a_row_of_it_an_array_of_it(tmp_path: Path) -> None:
    matrix = np.arange(6, dtype=np.float64).reshape(2, 3)
    np.save(tmp_path / "one.npy", matrix[0])
    np.save(tmp_path / "all.npy", matrix)
    np.savez(tmp_path / "named.npz", a=matrix[0], b=matrix[1])
    np.savez(tmp_path / "single.npz", only=matrix[1])
    assert read_vector(tmp_path / "one.npy", None).tolist() == [0, 1, 2]
    assert read_vector(tmp_path / "all.npy", "1").tolist() == [3, 4, 5]
    assert read_vector(tmp_path / "named.npz", "b").tolist() == [3, 4, 5]
    assert read_vector(tmp_path / "single.npz", None).dtype == np.float32
    assert read_vector(tmp_path / "all.npy", None, several=True).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("all.npy", None, r"shape \[2, 3\], and a vector \[dim\] is wanted; `entry`"),
        ("all.npy", "2", "has no row '2'; it has rows 0 to 1"),
        ("all.npy", "-1", "has no row '-1'"),
        ("named.npz", "c", "holds arrays a, b; `entry` is 'c'"),
        ("named.npz", None, "`entry` names none"),
        ("empty.npy", None, r"shape \[0\]"),
        ("words.npy", None, "holds <U1"),
        ("objects.npy", None, "cannot be read as numbers"),
        ("text.npy", None, "cannot be read as numbers"),
    ],
)
def test_bad_files_and_entries(tmp_path: Path, name: str, entry: str | None, message: str) -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "all.npy", matrix)
    np.savez(tmp_path / "named.npz", a=matrix, b=matrix)
    np.save(tmp_path / "empty.npy", np.zeros(0))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("1 2 3")
    with pytest.raises(BadCell, match=message):
        read_vector(tmp_path / name, entry)


def test_what_is_not_finite_is_named() -> None:
    with pytest.raises(BadCell, match="v has nan at value 2"):
        as_vector(np.array([1.0, np.nan]), "v")
    with pytest.raises(BadCell, match=r"v has 1e\+300 at value 1"):
        as_vector(np.array([1e300]), "v")
    with pytest.raises(BadCell, match="v has inf at value 2, 1"):
        as_vector(np.array([[1.0], [np.inf]]), "v", several=True)
