"""The evaluation tasks as a plug-in."""

from __future__ import annotations

from collections.abc import Sequence

from polymodal_core.config import TaskConfig
from polymodal_core.hookspecs import hookimpl

from polymodal_eval.tasks.config import (
    ClassificationConfig,
    EnrichmentConfig,
    ProbeConfig,
    PromptsConfig,
    RetrievalConfig,
    RobustnessConfig,
    SegmentationTaskConfig,
    ZeroShotConfig,
)


@hookimpl
def register_tasks() -> Sequence[type[TaskConfig]]:
    """Retrieval, enrichment, classification, segmentation, probes, and robustness."""
    return [
        RetrievalConfig,
        EnrichmentConfig,
        ZeroShotConfig,
        PromptsConfig,
        ProbeConfig,
        RobustnessConfig,
        ClassificationConfig,
        SegmentationTaskConfig,
    ]
