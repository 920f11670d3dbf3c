"""The evaluation tasks as a plug-in."""

from __future__ import annotations

from collections.abc import Sequence

from polymodal_core.config import TaskConfig
from polymodal_core.hookspecs import hookimpl

from polymodal_eval.tasks.classification_config import (
    ClassificationConfig,
    EpisodesConfig,
    FewShotConfig,
    ProbeConfig,
    PromptsConfig,
    SegmentationTaskConfig,
    ZeroShotConfig,
)
from polymodal_eval.tasks.config import (
    EnrichmentConfig,
    RetrievalConfig,
    RobustnessConfig,
    VQAConfig,
)


@hookimpl
def register_tasks() -> Sequence[type[TaskConfig]]:
    """Retrieval, enrichment, classification of every kind, segmentation, robustness, VQA."""
    return [
        RetrievalConfig,
        EnrichmentConfig,
        ZeroShotConfig,
        PromptsConfig,
        ProbeConfig,
        FewShotConfig,
        EpisodesConfig,
        RobustnessConfig,
        VQAConfig,
        ClassificationConfig,
        SegmentationTaskConfig,
    ]
