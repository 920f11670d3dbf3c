"""Domain-adversarial alignment: embeddings that do not tell which column they are of."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from polymodal_losses.alignment import Alignment
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair

STEEPNESS = 10.0
"""Of the schedule, as Ganin et al. 2016 (arXiv 1505.07818, 5.2.2) have it."""


class DomainAdversarial(Alignment):
    """A discriminator for each pair of columns, whose gradient is reversed for the encoders.

    The domains are the columns, as those of cross-modal-transfer (2.2, 5.1) are modalities.

    Each discriminator, with one hidden layer, learns to tell the embeddings of one column from
    those of the other (binary cross-entropy, both columns with one half of the weight); what comes
    before it learns the opposite, `strength` times as much (Ganin et al. 2016). The strength rises
    as 2 / (1 + exp(-10 p)) - 1 times `strength`, p the share done of the first `ramp` steps; 0:
    the whole strength at once. Steps of training that have a pair to align are counted, by a buffer
    that checkpoints keep.
    A column needs two rows, else the pair counts 0. `pairs` as in PCMC. Raises ObjectiveError.
    """

    steps: Tensor

    def __init__(
        self,
        columns: Sequence[str],
        *,
        dim: int,
        hidden: int = 64,
        strength: float = 1.0,
        ramp: int = 1000,
        pairs: Mapping[Pair, float] | None = None,
    ) -> None:
        """Build the discriminators of embeddings of `dim` dimensions."""
        super().__init__(pairs=pairs)
        if not (math.isfinite(strength) and strength >= 0):
            raise ObjectiveError(f"strength is {strength}; wanted a finite number >= 0")
        if ramp < 0 or hidden < 1:
            raise ObjectiveError(f"ramp is {ramp} and hidden {hidden}; wanted >= 0 and >= 1")
        self.strength, self.ramp = strength, ramp
        every = list(combinations(columns, 2)) if pairs is None else list(pairs)
        self._place = {pair: number for number, pair in enumerate(every)}
        self.discriminators = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 1)) for _ in every
        )
        self.register_buffer("steps", torch.tensor(0))

    @property
    def current_strength(self) -> float:
        """How strongly the gradient is reversed in the next step."""
        if self.ramp == 0:
            return self.strength
        done = min(1.0, (int(self.steps) + 1) / self.ramp)
        return self.strength * (2 / (1 + math.exp(-STEEPNESS * done)) - 1)

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] per column; `groups` are of no matter."""
        found = super().forward(embeddings, present=present, groups=groups, compare=compare)
        if self.training and torch.is_grad_enabled() and any(found.anchors.values()):
            self.steps += 1
        return found

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"strength={self.strength:g}, ramp={self.ramp}, pairs={self.pairs}"

    def divergence(self, pair: Pair, x: Tensor, y: Tensor) -> Tensor:
        """Give the discriminator's loss, whose gradient comes back reversed."""
        strength = self.current_strength
        scale = math.sqrt(x.shape[1])  # unit vectors have small components
        scores = [self._scores(pair, scale * reversed_gradient(part, strength)) for part in (x, y)]
        return (F.softplus(-scores[0]).mean() + F.softplus(scores[1]).mean()) / 2

    def _scores(self, pair: Pair, rows: Tensor) -> Tensor:
        for layer in cast("nn.Sequential", self.discriminators[self._place[pair]]):
            if isinstance(layer, nn.Linear):
                rows = F.linear(rows, layer.weight.to(rows.dtype), layer.bias.to(rows.dtype))
            else:
                rows = layer(rows)
        return rows[:, 0]


def reversed_gradient(rows: Tensor, strength: float) -> Tensor:
    """Give `rows` as they are; their gradient comes back times minus `strength`."""
    reverse: Any = _Reversal.apply
    return cast("Tensor", reverse(rows, strength))


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return rows.view_as(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return -ctx.strength * gradients[0], None
