"""What this distribution adds to an installation: depth maps, and two encoders for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import EncoderConfig, ModalityConfig


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Offer `depth`."""
    from polymodal_depth.config import DepthConfig

    return [DepthConfig]


@hookimpl
def register_encoders() -> Sequence[type[EncoderConfig]]:
    """Offer `convnet` and `timm` for depth maps."""
    from polymodal_depth.encoder_config import ConvNetConfig, TimmConfig

    return [ConvNetConfig, TimmConfig]
