"""What this distribution adds to an installation: its objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from polymodal_core.config import ObjectiveConfig


@hookimpl
def register_objectives() -> Sequence[type[ObjectiveConfig]]:
    """Offer the kinds of objective that the README lists."""
    from polymodal_losses.config import (
        InfoNCEConfig,
        PCMCConfig,
        PCMRConfig,
        SigLIPConfig,
        TrimodalConfig,
    )
    from polymodal_losses.distillation_config import DistillationConfig
    from polymodal_losses.segmentation_config import SegmentationObjectiveConfig
    from polymodal_losses.sum_config import SumConfig
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
        SigLIPConfig,
        TrimodalConfig,
        DistillationConfig,
        SumConfig,
        ClassificationConfig,
        SegmentationObjectiveConfig,
        MMDConfig,
        KLDivergenceConfig,
        DomainAdversarialConfig,
    ]
