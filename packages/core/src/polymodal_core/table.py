"""The row table: which items make up a row, and what each row is an instance and example of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RowTable:
    """Columns of integers, one entry per row.

    `items[column]` [rows] holds item numbers, -1 where the row lacks the column; `instance`,
    `label` and `split` [rows] hold -1 where unknown. `class_names` and `split_names` give labels
    and splits their names; `of_classes` names the columns whose items stand for classes.
    """

    items: Mapping[str, Integers]
    instance: Integers
    label: Integers
    split: Integers
    class_names: tuple[str, ...]
    split_names: tuple[str, ...]
    of_classes: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.instance)

    def select(self, rows: Integers) -> RowTable:
        """Give the table of some rows, item numbers unchanged."""
        return replace(
            self,
            items={column: numbers[rows] for column, numbers in self.items.items()},
            instance=self.instance[rows],
            label=self.label[rows],
            split=self.split[rows],
        )

    def present(self, column: str) -> NDArray[Any]:
        """Say which rows have a column: bool [rows]."""
        return self.items[column] >= 0
