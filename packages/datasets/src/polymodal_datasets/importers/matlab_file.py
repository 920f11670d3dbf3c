"""MATLAB's files: of version 5 read by SciPy, of version 7.3 by h5py (extra `matlab`)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError


def read_mat(path: Path, *names: str) -> dict[str, Any]:
    """Read some variables of a `.mat` file, cells as object arrays.

    Raises PolymodalError where SciPy is not installed, the file is damaged, or lacks one of them.
    """
    scipy_io = _required("scipy.io", path)
    try:
        read = scipy_io.loadmat(path, variable_names=list(names))
    except Exception as error:  # SciPy has a different class for every kind of damage
        raise PolymodalError(f"{path} cannot be read as a MATLAB file: {error}") from None
    _check_names(path, names, read)
    return {name: read[name] for name in names}


def open_mat73(path: Path, *names: str) -> Any:
    """Open a `.mat` file of version 7.3, which is HDF5, for reading; its axes are reversed.

    Raises PolymodalError where h5py is not installed, the file is no HDF5, or lacks one of `names`.
    """
    h5py = _required("h5py", path)
    try:
        opened = h5py.File(path, "r")
    except OSError as error:
        raise PolymodalError(f"{path} cannot be read as HDF5 (MATLAB 7.3): {error}") from None
    try:
        _check_names(path, names, opened)
    except PolymodalError:
        opened.close()
        raise
    return opened


def _check_names(path: Path, names: tuple[str, ...], held: Any) -> None:
    for name in names:
        if name not in held:
            there = ", ".join(key for key in held if not key.startswith(("_", "#")))
            raise PolymodalError(f"{path} has no variable '{name}'; it holds {there or 'none'}")


def _required(module: str, path: Path) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise PolymodalError(
            f"{path.name} is read by {module.partition('.')[0]}, which is not installed: "
            f"pip install 'polymodal-datasets[matlab]'"
        ) from None
