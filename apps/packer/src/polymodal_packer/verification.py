"""Verifying a store with its progress shown."""

from __future__ import annotations

from pathlib import Path

from polymodal_datasets.store import Store
from polymodal_datasets.verify import num_keys, verify

from polymodal_packer.progress import reading_progress


def print_verification(path: Path) -> bool:
    """Print what is damaged; True if nothing is. Raises StoreError where there is no store."""
    store = Store(path)
    with reading_progress(num_keys(store)) as progress:
        damages = verify(store, progress=progress)
    if damages:
        print(f"{path}: {len(damages)} damaged")
        for damage in damages:
            print(f"  {damage}")
        return False
    items = sum(column.count for column in store.columns.values())
    print(f"{path}: sound ({items:,} items, {len(store.table):,} rows)")
    return True
