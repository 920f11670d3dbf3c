"""What this distribution adds to an installation: label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import ModalityConfig


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Offer `segmentation`."""
    from polymodal_segmentation.config import SegmentationConfig

    return [SegmentationConfig]
