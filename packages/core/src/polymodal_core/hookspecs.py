"""The six hooks that a plug-in may implement (pluggy project `polymodal`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymodal_core.config import (
        EncoderConfig,
        FusionConfig,
        ImporterConfig,
        ModalityConfig,
        ObjectiveConfig,
        TaskConfig,
    )

    F = TypeVar("F", bound=Callable[..., object])

PROJECT = "polymodal"

_hookspec = pluggy.HookspecMarker(PROJECT)
_hookimpl = pluggy.HookimplMarker(PROJECT)


def hookimpl(function: F) -> F:
    """Mark a module-level function as the implementation of the hook of the same name."""
    return _hookimpl(function)


@_hookspec
def register_modalities() -> Sequence[type[ModalityConfig]]:  # type: ignore[empty-body]
    """Kinds of value: how each is packed, fitted, decoded, transformed, collated, shown."""


@_hookspec
def register_encoders() -> Sequence[type[EncoderConfig]]:  # type: ignore[empty-body]
    """Encoders for a kind of modality, one's own or another package's."""


@_hookspec
def register_fusions() -> Sequence[type[FusionConfig]]:  # type: ignore[empty-body]
    """Modules over the token sequences of several modalities."""


@_hookspec
def register_objectives() -> Sequence[type[ObjectiveConfig]]:  # type: ignore[empty-body]
    """Losses over embeddings."""


@_hookspec
def register_importers() -> Sequence[type[ImporterConfig]]:  # type: ignore[empty-body]
    """Raw dataset layouts."""


@_hookspec
def register_tasks() -> Sequence[type[TaskConfig]]:  # type: ignore[empty-body]
    """Evaluation tasks."""
