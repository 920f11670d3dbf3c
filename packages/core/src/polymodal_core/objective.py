"""What an objective takes and offers beside scoring embeddings."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


@runtime_checkable
class Classifier(Protocol):
    """An objective, or a part of one, that has learned to tell the classes of rows."""

    def logits(self, columns: Sequence[str], embeddings: Tensor) -> Tensor:
        """Score embeddings [rows, dim] of `columns` together for every class [rows, classes]."""
        ...


def takes(objective: nn.Module, name: str) -> bool:
    """Say whether an objective's `forward` has a keyword of that name, or takes any."""
    given = inspect.signature(objective.forward).parameters
    return name in given or any(
        item.kind is inspect.Parameter.VAR_KEYWORD for item in given.values()
    )


def needs_joint(objective: nn.Module) -> bool:
    """Say whether an objective, or a part of it, wants whole rows embedded (`Embeddings.joint`).

    Such a module has `needs_joint = True`.
    """
    return any(getattr(part, "needs_joint", False) is True for part in objective.modules())


def classifier_of(objective: nn.Module) -> Classifier | None:
    """Give the part of an objective that classifies rows, None where it has none."""
    parts = (part for part in objective.modules() if isinstance(part, Classifier))
    return cast("Classifier | None", next(parts, None))
