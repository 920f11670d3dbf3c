"""What this distribution adds to an installation: the kind `text` and its encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import EncoderConfig, ModalityConfig


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Offer `text`."""
    from polymodal_text.config import TextConfig

    return [TextConfig]


@hookimpl
def register_encoders() -> Sequence[type[EncoderConfig]]:
    """Offer `transformer` and `huggingface`."""
    from polymodal_text.config import HuggingFaceConfig, TransformerConfig

    return [TransformerConfig, HuggingFaceConfig]
