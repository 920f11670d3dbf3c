"""What an objective takes and offers beside scoring embeddings."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


JOINT = "joint"
"""What the terms of an objective, and maps, call whole rows."""


@dataclass(frozen=True)
class MapsWanted:
    """Which maps of tokens an objective wants (`Embeddings.maps`).

    Those of the columns `alone`, each seen alone, and that of the column `together` after it has
    seen all others; None: no such map.
    """

    alone: tuple[str, ...]
    together: str | None = None


@runtime_checkable
class Classifier(Protocol):
    """An objective, or a part of one, that has learned to tell the classes of rows."""

    def logits(self, columns: Sequence[str], embeddings: Tensor) -> Tensor:
        """Score embeddings [rows, dim] of `columns` together for every class [rows, classes]."""
        ...


@runtime_checkable
class Contrastive(Protocol):
    """An objective that tells how hard positive and negative pairs of rows pull on embeddings."""

    def pair_gradients(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None,
        groups: Tensor | None,
        compare: Collection[tuple[str, str]] | None,
    ) -> Mapping[str, Tensor]:
        """Give mean lengths of the gradients of embeddings [batch, dim] by name, as scalars.

        `positive`: through the rows that match, `negative`: through the others. Empty where there
        is nothing to measure. Arguments as in `forward`; nothing flows back.
        """
        ...


@runtime_checkable
class Segmenter(Protocol):
    """An objective, or a part of one, that has learned to tell the class of every pixel.

    `target` names the column of label maps, `visual` the one whose map whole rows are read from,
    `streams` the columns that it reads alone, `size` the side of its maps in pixels.
    """

    target: str
    visual: str
    streams: tuple[str, ...]
    size: int

    def segment(self, columns: Sequence[str], maps: Tensor) -> Tensor:
        """Score maps of `columns` together [rows, channels, height, width] for every class.

        Gives [rows, classes, size, size].
        """
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


def segmenter_of(objective: nn.Module) -> Segmenter | None:
    """Give the part of an objective that segments pictures, None where it has none."""
    parts = (part for part in objective.modules() if isinstance(part, Segmenter))
    return cast("Segmenter | None", next(parts, None))


def maps_wanted(objective: nn.Module) -> MapsWanted | None:
    """Say which maps of tokens an objective wants, None where it has no part that segments."""
    found = segmenter_of(objective)
    return None if found is None else MapsWanted(found.streams, found.visual)
