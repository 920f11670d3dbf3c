"""What this distribution adds to an installation: the kind `speech` and its encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import EncoderConfig, ModalityConfig


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Offer `speech`."""
    from polymodal_speech.config import SpeechConfig

    return [SpeechConfig]


@hookimpl
def register_encoders() -> Sequence[type[EncoderConfig]]:
    """Offer `convnet`, `transformers` and `yamnet` for speech."""
    from polymodal_speech.encoder_config import ConvNetConfig, TransformersConfig, YAMNetConfig

    return [ConvNetConfig, TransformersConfig, YAMNetConfig]
