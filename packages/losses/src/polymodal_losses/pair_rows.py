"""Which rows of a batch a pair of columns is computed over."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PairRows:
    """Rows of a pair (a, b), as indices.

    `a` [a_rows] and `b` [b_rows] are the rows that have a column at all: the candidates. Anchors
    are the rows that have both: `anchors_in_a` [anchors] are their positions in `a`,
    `anchors_in_b` [anchors] in `b`, in the same order.
    """

    a: Tensor
    b: Tensor
    anchors_in_a: Tensor
    anchors_in_b: Tensor

    @property
    def num_anchors(self) -> int:
        """Number of rows that have both columns."""
        return int(self.anchors_in_a.shape[0])

    def false_negatives(self, groups: Tensor) -> Tensor:
        """Mark candidates of an anchor's own group, other than itself: bool [a_rows, b_rows]."""
        same = groups[self.a, None] == groups[self.b]
        same[self.anchors_in_a, self.anchors_in_b] = False
        return same


def pair_rows(present_a: Tensor, present_b: Tensor, *, device: torch.device) -> PairRows:
    """Index the rows of a pair from the presence bool [batch] of both columns."""
    a, b = _indices(present_a), _indices(present_b)
    return PairRows(
        a=a.to(device),
        b=b.to(device),
        anchors_in_a=_indices(present_b[a]).to(device),
        anchors_in_b=_indices(present_a[b]).to(device),
    )


def take_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Gather `rows` (sorted, distinct) of values [batch, ...] along the first axis.

    Absent rows are left behind by index: multiplied by 0, a NaN in them would survive.
    """
    return values if rows.shape[0] == values.shape[0] else values.index_select(0, rows)


def _indices(mask: Tensor) -> Tensor:
    return mask.nonzero().flatten()
