"""The objective that a run was trained with, and what it has learned."""

from __future__ import annotations

from typing import Any, cast

from polymodal_core.checkpoint import load_weights
from polymodal_core.errors import RecipeError
from polymodal_core.plugins import Registry
from polymodal_core.problems import problems_of
from pydantic import TypeAdapter, ValidationError
from torch import nn

from polymodal_evaluator.opening import Opened


def trained_objective(opened: Opened, *, registry: Registry, device: str) -> nn.Module:
    """Build a run's objective with its weights, in eval mode.

    Its package is needed here, as it is to train. Raises PolymodalError where it is missing, or has
    changed.
    """
    state = opened.trained.checkpoint.state
    table: Any = state["recipe"]["objective"]
    kind: Any = registry.union("objective")
    try:
        config = TypeAdapter(kind).validate_python(table)
    except ValidationError as error:
        problems = problems_of(error, kind, table, path="objective")
        raise RecipeError(problems, source=str(opened.run.recipe)) from None
    objective = cast("nn.Module", config.build(**(state.get("objective") or {})))
    source = f"{opened.run.path} ({opened.checkpoint})"
    load_weights(objective, opened.trained.checkpoint.tensors.get("objective", {}), source=source)
    return objective.to(device).eval()
