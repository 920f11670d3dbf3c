"""The contract of polymodal: plug-ins, recipes, batches, model and checkpoints.

Names are imported on first use, so that importing the package costs nothing (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymodal_core.batch import Batch as Batch
    from polymodal_core.batch import Embeddings as Embeddings
    from polymodal_core.batch import Features as Features
    from polymodal_core.config import EncoderConfig as EncoderConfig
    from polymodal_core.config import FusionConfig as FusionConfig
    from polymodal_core.config import HeadConfig as HeadConfig
    from polymodal_core.config import ImporterConfig as ImporterConfig
    from polymodal_core.config import ModalityConfig as ModalityConfig
    from polymodal_core.config import ObjectiveConfig as ObjectiveConfig
    from polymodal_core.config import TaskConfig as TaskConfig
    from polymodal_core.errors import PolymodalError as PolymodalError
    from polymodal_core.errors import ValueRejectedError as ValueRejectedError
    from polymodal_core.hookspecs import hookimpl as hookimpl
    from polymodal_core.model import Model as Model
    from polymodal_core.model import PooledEncoder as PooledEncoder
    from polymodal_core.protocols import Encoder as Encoder
    from polymodal_core.protocols import Modality as Modality
    from polymodal_core.protocols import State as State
    from polymodal_core.rows import BadRow as BadRow
    from polymodal_core.rows import Column as Column
    from polymodal_core.rows import Importer as Importer
    from polymodal_core.rows import Item as Item
    from polymodal_core.rows import Row as Row

_HOMES = {
    "batch": ("Batch", "Embeddings", "Features"),
    "config": (
        "EncoderConfig",
        "FusionConfig",
        "HeadConfig",
        "ImporterConfig",
        "ModalityConfig",
        "ObjectiveConfig",
        "TaskConfig",
    ),
    "errors": ("PolymodalError", "ValueRejectedError"),
    "hookspecs": ("hookimpl",),
    "model": ("Model", "PooledEncoder"),
    "protocols": ("Encoder", "Modality", "State"),
    "rows": ("BadRow", "Column", "Importer", "Item", "Row"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'polymodal_core' has no attribute '{name}'")
    return getattr(importlib.import_module(f"polymodal_core.{_MODULE_OF[name]}"), name)
