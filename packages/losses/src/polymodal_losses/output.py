"""What an objective returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from polymodal_losses.pairs import Pair


@dataclass(frozen=True)
class LossOutput:
    """The scalar to minimise, and what it is made of.

    `total` keeps its graph, even where no pair of the batch has an anchor (exactly 0 then, with
    zero gradients). `parts` are the detached losses of the pairs, before weighting. `anchors` are
    the numbers of rows behind them, int64 scalars on the CPU: what contributed nothing says so.
    """

    total: Tensor
    parts: Mapping[Pair, Tensor]
    anchors: Mapping[Pair, Tensor]
