from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.matlab_file import open_mat73, read_mat


def test_variables_are_read(tmp_path: Path) -> None:
    import h5py
    from scipy.io import savemat

    savemat(tmp_path / "old.mat", {"a": np.arange(3), "b": 1})
    assert list(read_mat(tmp_path / "old.mat", "a")) == ["a"]
    assert read_mat(tmp_path / "old.mat", "a")["a"].ravel().tolist() == [0, 1, 2]
    with h5py.File(tmp_path / "new.mat", "w") as opened:
        opened["a"] = np.arange(3)
    with open_mat73(tmp_path / "new.mat", "a") as opened:
        assert opened["a"][()].tolist() == [0, 1, 2]


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    import h5py
    from scipy.io import savemat

    savemat(tmp_path / "old.mat", {"a": 1})
    with pytest.raises(PolymodalError, match=r"old\.mat has no variable 'c'; it holds none"):
        read_mat(tmp_path / "old.mat", "c")
    with h5py.File(tmp_path / "new.mat", "w") as opened:
        opened["a"] = 1
        opened["#refs#/b"] = 2
    with pytest.raises(PolymodalError, match=r"new\.mat has no variable 'c'; it holds a$"):
        open_mat73(tmp_path / "new.mat", "c")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(b"nothing of that sort" * 20)
    with pytest.raises(PolymodalError, match=r"x\.mat cannot be read as a MATLAB file"):
        read_mat(tmp_path / "x.mat")
    with pytest.raises(PolymodalError, match=r"x\.mat cannot be read as HDF5 \(MATLAB 7\.3\)"):
        open_mat73(tmp_path / "x.mat")


def test_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    message = r"x\.mat is read by h5py, which is not installed: pip install 'polymodal-datasets\[m"
    with pytest.raises(PolymodalError, match=message):
        open_mat73(tmp_path / "x.mat")
