"""Vectors read from .npy and .npz files."""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_datasets.importers.cells import BadCell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_vector(path: Path, entry: str | None, *, several: bool = False) -> NDArray[np.float32]:
    """Read a vector [dim]: a whole .npy, its row `entry` (from 0), or array `entry` of a .npz.

    A .npz of one array needs no entry. With `several`, vectors [instances, dim] are accepted too.
    Raises BadCell for anything else, NaN and infinity included.
    """
    try:
        loaded = _load(path)
        array = _pick(loaded, entry, path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadCell(f"{path.name} cannot be read as numbers: {error}") from None
    return as_vector(array, path.name, several=several)


def as_vector(values: Any, name: str, *, several: bool = False) -> NDArray[np.float32]:
    """Give values as finite float32 [dim]; raises BadCell that names the first that is not.

    With `several`, [instances, dim] is accepted too.
    """
    import numpy as np

    array = np.asarray(values)
    if array.ndim not in ((1, 2) if several else (1,)) or array.size == 0:
        hint = "; `entry` takes one row of it" if array.ndim == 2 else ""
        raise BadCell(f"{name} has shape {list(array.shape)}, and a vector [dim] is wanted{hint}")
    if array.dtype.kind not in "fiub":
        raise BadCell(f"{name} holds {array.dtype}; numbers are wanted")
    with np.errstate(over="ignore"):
        vector = array.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(vector))
    if len(wrong):
        place = tuple(int(index) for index in wrong[0])
        where = ", ".join(str(index + 1) for index in place)
        raise BadCell(f"{name} has {array[place]} at value {where}; every number must be finite")
    return vector


def _pick(loaded: Any, entry: str | None, path: Path) -> Any:
    import numpy as np

    if isinstance(loaded, np.ndarray):
        if entry is None:
            return loaded
        if not entry.isdecimal() or int(entry) >= len(loaded):
            raise BadCell(f"{path.name} has no row '{entry}'; it has rows 0 to {len(loaded) - 1}")
        return loaded[int(entry)]
    names = list(loaded.files)
    if entry is None and len(names) == 1:
        return loaded[names[0]]
    if entry not in names:
        given = "names none" if entry is None else f"is '{entry}'"
        raise BadCell(f"{path.name} holds arrays {', '.join(names[:5])}; `entry` {given}")
    return loaded[entry]


@lru_cache(maxsize=4)
def _load(path: Path) -> Any:
    # Mapped, so that one row of a large matrix costs one row; never unpickled.
    import numpy as np

    return np.load(path, mmap_mode="r", allow_pickle=False)
