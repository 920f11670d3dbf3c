"""What this distribution adds to an installation: the kind `attributes` and its encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import EncoderConfig, ModalityConfig


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Offer `attributes`."""
    from polymodal_attributes.config import AttributesConfig

    return [AttributesConfig]


@hookimpl
def register_encoders() -> Sequence[type[EncoderConfig]]:
    """Offer `mlp` and `identity`."""
    from polymodal_attributes.config import AttributesIdentityConfig, AttributesMLPConfig

    return [AttributesMLPConfig, AttributesIdentityConfig]
