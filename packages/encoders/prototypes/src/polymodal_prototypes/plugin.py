"""What this distribution adds to an installation: the kind `prototypes` and its encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import EncoderConfig, ModalityConfig


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Offer `prototypes`."""
    from polymodal_prototypes.config import PrototypesConfig

    return [PrototypesConfig]


@hookimpl
def register_encoders() -> Sequence[type[EncoderConfig]]:
    """Offer `mlp` and `identity`."""
    from polymodal_prototypes.config import PrototypesIdentityConfig, PrototypesMLPConfig

    return [PrototypesMLPConfig, PrototypesIdentityConfig]
