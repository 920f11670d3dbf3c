"""The evaluation tasks as a plug-in."""

from __future__ import annotations

from collections.abc import Sequence

from polymodal_core.config import TaskConfig
from polymodal_core.hookspecs import hookimpl

from polymodal_eval.tasks.config import (
    EnrichmentConfig,
    ProbeConfig,
    PromptsConfig,
    RetrievalConfig,
    RobustnessConfig,
    VQAConfig,
    ZeroShotConfig,
)


@hookimpl
def register_tasks() -> Sequence[type[TaskConfig]]:
    """Retrieval, enrichment, zero-shot classification, probes, robustness, and VQA."""
    return [
        RetrievalConfig,
        EnrichmentConfig,
        ZeroShotConfig,
        PromptsConfig,
        ProbeConfig,
        RobustnessConfig,
        VQAConfig,
    ]
