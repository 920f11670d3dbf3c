"""What this distribution adds to an installation: its objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import ObjectiveConfig


@hookimpl
def register_objectives() -> Sequence[type[ObjectiveConfig]]:
    """Offer contrastive, regression and alignment objectives, classification, segmentation."""
    from polymodal_losses.config import InfoNCEConfig, PCMCConfig, PCMRConfig, TrimodalConfig
    from polymodal_losses.segmentation_config import SegmentationObjectiveConfig
    from polymodal_losses.transfer_config import (
        ClassificationConfig,
        DomainAdversarialConfig,
        KLDivergenceConfig,
        MMDConfig,
    )

    return [
        PCMCConfig,
        PCMRConfig,
        InfoNCEConfig,
        TrimodalConfig,
        ClassificationConfig,
        SegmentationObjectiveConfig,
        MMDConfig,
        KLDivergenceConfig,
        DomainAdversarialConfig,
    ]
