"""Evaluation: retrieval and classification metrics with intervals, tasks and reports.

Names are imported on first use, so that importing the package costs nothing (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymodal_eval.comparison.compare import Comparison as Comparison
    from polymodal_eval.comparison.compare import compare as compare
    from polymodal_eval.comparison.reports import read_report as read_report
    from polymodal_eval.config import default_tasks as default_tasks
    from polymodal_eval.config import evaluation_config as evaluation_config
    from polymodal_eval.embedding_table import EmbeddingTable as EmbeddingTable
    from polymodal_eval.embedding_table import embed_table as embed_table
    from polymodal_eval.entries import Entries as Entries
    from polymodal_eval.entries import entries_of as entries_of
    from polymodal_eval.evaluation import run_tasks as run_tasks
    from polymodal_eval.metrics import retrieval_metrics as retrieval_metrics
    from polymodal_eval.ranking import QueryRanks as QueryRanks
    from polymodal_eval.ranking import rank_queries as rank_queries
    from polymodal_eval.relevance import Relevance as Relevance
    from polymodal_eval.relevance import relevance_of_columns as relevance_of_columns
    from polymodal_eval.relevance import relevance_of_entries as relevance_of_entries
    from polymodal_eval.relevance import relevance_of_groups as relevance_of_groups
    from polymodal_eval.relevance import relevance_of_pairs as relevance_of_pairs
    from polymodal_eval.results import Measurement as Measurement
    from polymodal_eval.results import NotApplicable as NotApplicable
    from polymodal_eval.results import TaskResult as TaskResult
    from polymodal_eval.space import Space as Space
    from polymodal_eval.statistics import Estimate as Estimate
    from polymodal_eval.validation import average_validation as average_validation

_HOMES = {
    "comparison.compare": ("Comparison", "compare"),
    "comparison.reports": ("read_report",),
    "config": ("default_tasks", "evaluation_config"),
    "embedding_table": ("EmbeddingTable", "embed_table"),
    "entries": ("Entries", "entries_of"),
    "evaluation": ("run_tasks",),
    "metrics": ("retrieval_metrics",),
    "ranking": ("QueryRanks", "rank_queries"),
    "relevance": (
        "Relevance",
        "relevance_of_columns",
        "relevance_of_entries",
        "relevance_of_groups",
        "relevance_of_pairs",
    ),
    "results": ("Measurement", "NotApplicable", "TaskResult"),
    "space": ("Space",),
    "statistics": ("Estimate",),
    "validation": ("average_validation",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'polymodal_eval' has no attribute '{name}'")
    return getattr(importlib.import_module(f"polymodal_eval.{_MODULE_OF[name]}"), name)
