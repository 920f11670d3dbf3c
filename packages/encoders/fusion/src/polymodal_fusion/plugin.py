"""What this distribution adds to an installation: its kinds of fusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import FusionConfig


@hookimpl
def register_fusions() -> Sequence[type[FusionConfig]]:
    """Offer `multi_stream`, `dual_stream`, `early`, `concatenation` and `cross_attention`."""
    from polymodal_fusion.config import (
        ConcatenationConfig,
        CrossAttentionConfig,
        DualStreamConfig,
        EarlyConfig,
        MultiStreamConfig,
    )

    return [
        MultiStreamConfig,
        DualStreamConfig,
        EarlyConfig,
        ConcatenationConfig,
        CrossAttentionConfig,
    ]
