"""Stores of multi-modal data: packing, reading, splitting and loading.

Names are imported on first use, so that importing the package costs nothing (PEP 562). `pack` and
`verify` are not among them, being modules too: `from polymodal_datasets.pack import pack`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymodal_datasets.config import DataConfig as DataConfig
    from polymodal_datasets.loading import fit_values as fit_values
    from polymodal_datasets.loading import load_batches as load_batches
    from polymodal_datasets.loading import load_items as load_items
    from polymodal_datasets.loading import num_batches as num_batches
    from polymodal_datasets.scan import Damage as Damage
    from polymodal_datasets.splits import Splits as Splits
    from polymodal_datasets.splits import make_splits as make_splits
    from polymodal_datasets.store import Store as Store
    from polymodal_datasets.store import StoredColumn as StoredColumn

_HOMES = {
    "config": ("DataConfig",),
    "loading": ("fit_values", "load_batches", "load_items", "num_batches"),
    "scan": ("Damage",),
    "splits": ("Splits", "make_splits"),
    "store": ("Store", "StoredColumn"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'polymodal_datasets' has no attribute '{name}'")
    return getattr(importlib.import_module(f"polymodal_datasets.{_MODULE_OF[name]}"), name)
