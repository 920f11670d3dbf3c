"""Means of the vectors of a class: prototypes out of the vectors of its instances."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polymodal_core.rows import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class ClassMeans:
    """Sums and counts by column and label, accumulated in float64."""

    _sums: dict[tuple[str, str], tuple[NDArray[np.float64], int]] = field(default_factory=dict)
    _lengths: dict[str, int] = field(default_factory=dict)

    def add(self, column: str, label: str, vector: NDArray[Any]) -> None:
        """Count a vector [dim]; one of another length than the column's first is left out."""
        if self._lengths.setdefault(column, len(vector)) != len(vector):
            return  # its row is reported as bad when the rows are read
        total, count = self._sums.get((column, label), (0.0, 0))
        self._sums[column, label] = (total + vector.astype("f8"), count + 1)

    def item(self, column: str, label: str | None) -> Item | None:
        """Give the mean [dim] of a class, float32, under the label; None where it has no vector."""
        if label is None or (column, label) not in self._sums:
            return None
        total, count = self._sums[column, label]
        return Item(label, (total / count).astype("f4"))
