"""Drawing rows of a store into a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polymodal_core.errors import StoreError
from polymodal_core.plugins import registry
from polymodal_datasets.grid import save_rows, store_modalities
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def write_picture(
    path: Path, *, rows: str | None, split: str | None, count: int, seed: int, out: Path
) -> None:
    """Write a picture of the given rows, or of `count` drawn from a split or from all."""
    store = Store(path)
    if rows is not None:
        if split is not None:
            raise StoreError("--rows and --split exclude each other: rows are numbers in the store")
        chosen = _numbers(rows, len(store.table))
    else:
        chosen = _drawn(store, split, count, seed)
    save_rows(store, chosen, store_modalities(store, registry()), out)
    print(f"{out}: rows {', '.join(str(row) for row in chosen)} of {path}")


def _numbers(text: str, count: int) -> list[int]:
    numbers = []
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) >= count:
            raise StoreError(
                f"--rows {text}: '{part.strip()}' is no row; wanted numbers from 0 to {count - 1}, "
                f"such as 0,5,9"
            )
        numbers.append(int(part))
    return numbers


def _drawn(store: Store, split: str | None, count: int, seed: int) -> list[int]:
    import numpy as np

    among: NDArray[np.int64] = (
        np.arange(len(store.table)) if split is None else store.rows_of(split)
    )
    drawn = np.random.default_rng(seed).permutation(among)[:count]
    return [int(row) for row in np.sort(drawn)]
