"""The pairwise sigmoid loss (SigLIP, Zhai et al. 2023) as a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from polymodal_losses.form import Form, takes_direct_form
from polymodal_losses.formed_gradients import with_formed_gradients
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_rows import PairRows, pair_rows, take_rows
from polymodal_losses.pair_sweep import PairSweep, TiledOptions
from polymodal_losses.pair_tiles import LOG2_E, PairTiles
from polymodal_losses.pairs import Pair
from polymodal_losses.product import full_precision_product

DIRECT_BATCH = 256
"""Largest batch that `form="auto"` computes in the direct form."""


def pairwise_sigmoid(
    inputs: PairwiseInputs,
    logit_scale: Tensor,
    bias: Tensor,
    *,
    weights: Mapping[Pair, float],
    form: Form = "auto",
) -> LossOutput:
    """Sum, over weighted pairs of columns, the sigmoid loss of unit vectors [batch, dim].

    With logits `x[p, q] = logit_scale * <a[p], b[q]> + bias`, the loss of a pair is the mean over
    anchors (rows present in both columns) of `-log sigmoid(x[p, p])`, plus the sum of `-log
    sigmoid(-x[p, q])` over all p that have a and q != p that have b, at least one of them an
    anchor, divided by the number of anchors. With nothing missing that is the paper's Algorithm 1,
    which knows no missing rows. Rows of one group, other than a row and itself, are left out: they
    match, and are no negatives; as positives they would outnumber a row's own partner.

    The direct form stores a matrix [batch, batch] for each pair, the tiled one none. Autocast is
    off here.
    """
    if takes_direct_form(form, inputs.batch, limit=DIRECT_BATCH):
        return direct_sigmoid(inputs, logit_scale, bias, weights=weights)
    return tiled_sigmoid(inputs, logit_scale, bias, weights=weights)


def direct_sigmoid(
    inputs: PairwiseInputs, logit_scale: Tensor, bias: Tensor, *, weights: Mapping[Pair, float]
) -> LossOutput:
    """Compute `pairwise_sigmoid` by autograd from whole matrices; differentiable twice."""
    total = inputs.zero_with_graph() + logit_scale.reshape(1)[:0].sum() + bias.reshape(1)[:0].sum()
    parts: dict[Pair, Tensor] = {}
    anchors: dict[Pair, Tensor] = {}
    with torch.autocast(device_type=inputs.device.type, enabled=False):
        for (a, b), weight in weights.items():
            rows = pair_rows(inputs.present[a], inputs.present[b], device=inputs.device)
            anchors[a, b] = torch.tensor(rows.num_anchors)
            parts[a, b] = torch.zeros_like(total, requires_grad=False)
            if rows.num_anchors > 0:
                left = take_rows(inputs.embeddings[a], rows.a)
                right = take_rows(inputs.embeddings[b], rows.b)
                logits = full_precision_product(logit_scale * left, right) + bias
                loss = _from_logits(logits, rows, inputs.groups)
                parts[a, b] = loss.detach()
                total = total + weight * loss
    return LossOutput(total=total, parts=parts, anchors=anchors)


def tiled_sigmoid(
    inputs: PairwiseInputs,
    logit_scale: Tensor,
    bias: Tensor,
    *,
    weights: Mapping[Pair, float],
    options: TiledOptions | None = None,
) -> LossOutput:
    """Compute `pairwise_sigmoid` without a matrix [batch, batch]; not differentiable twice."""
    to_bias = torch.zeros_like(bias, requires_grad=False)
    shift = bias.item()

    def score(tiles: PairTiles, to_a: Tensor | None, to_b: Tensor | None, weight: float) -> Tensor:
        loss, slope = _one_pair(tiles, shift, to_a, to_b, weight)
        to_bias.add_(slope)
        return loss

    sweep = PairSweep(inputs, weights, score, options or TiledOptions())

    def compute(wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
        total, gradients = sweep.run(logit_scale, [wanted[0], *wanted[2:]])
        return total, [gradients[0], to_bias if wanted[1] else None, *gradients[1:]]

    total = with_formed_gradients(compute, [logit_scale, bias, *inputs.embeddings.values()])
    return LossOutput(total=total, parts=sweep.parts, anchors=sweep.anchors)


def _from_logits(logits: Tensor, rows: PairRows, groups: Tensor | None) -> Tensor:
    positive = logits[rows.anchors_in_a, rows.anchors_in_b]
    is_anchor = (
        torch.zeros(len(rows.a), dtype=torch.bool, device=logits.device),
        torch.zeros(len(rows.b), dtype=torch.bool, device=logits.device),
    )
    is_anchor[0][rows.anchors_in_a] = True
    is_anchor[1][rows.anchors_in_b] = True
    negative = is_anchor[0][:, None] | is_anchor[1]
    if groups is not None:
        negative &= ~rows.false_negatives(groups)
    negative[rows.anchors_in_a, rows.anchors_in_b] = False
    return (_softplus(-positive).sum() + _softplus(logits[negative]).sum()) / len(positive)


class SigmoidSlopes:
    """The logits of a pair of columns, and the gradient of the sum of their losses.

    `positive` and `at_positives` [anchors] are logits and gradients of the positives.
    """

    def __init__(self, tiles: PairTiles, bias: float) -> None:
        """Compute the positives."""
        self._tiles, self._bias = tiles, bias
        self.positive = tiles.positive + bias
        self.at_positives = -torch.sigmoid(-self.positive)
        self._only_a = _bystanders(tiles.rows.anchors_in_a, len(tiles.a.z))
        self._only_b = _bystanders(tiles.rows.anchors_in_b, len(tiles.b.z))

    def negatives(self, index: int) -> Tensor:
        """Give the logits [rows, columns] of a tile, -inf where there is no negative.

        The exponential of -inf is 0: what is left out has neither loss nor slope.
        """
        tiles, tile = self._tiles, self._tiles.tiles[index]
        block = tiles.exponents(index).mul_(1 / LOG2_E).add_(self._bias)
        tiles.exclude(index, block, -torch.inf)
        if self._only_a is not None and self._only_b is not None:
            neither = self._only_a[tile.rows, None] & self._only_b[tile.columns]
            block.masked_fill_(neither, -torch.inf)
        return block

    def gradient(self, index: int) -> Tensor:
        """Give the gradient [rows, columns] of a tile of logits."""
        block = self.negatives(index).sigmoid_()
        self._tiles.put_positives(index, block, self.at_positives)
        return block


def _one_pair(
    tiles: PairTiles, bias: float, to_a: Tensor | None, to_b: Tensor | None, weight: float
) -> tuple[Tensor, Tensor]:
    """Give the loss of a pair and `weight` times its slope in the bias."""
    count = tiles.rows.num_anchors
    slopes = SigmoidSlopes(tiles, bias)
    loss, slope = _softplus(-slopes.positive).sum(), slopes.at_positives.sum()
    for index in range(len(tiles.tiles)):
        block = slopes.negatives(index)
        loss = loss + _softplus(block).sum()
        block.sigmoid_()
        slope = slope + block.sum()
        if weight > 0 and (to_a is not None or to_b is not None):
            tiles.put_positives(index, block, slopes.at_positives)
            tiles.add_gradient(index, block, to_a=to_a, to_b=to_b, weight=weight / count)
    return loss / count, weight * slope / count


def _bystanders(anchors: Tensor, size: int) -> Tensor | None:
    # Rows that have one side alone: two of them are compared by no anchor. None: no such row.
    if len(anchors) == size:
        return None
    found = torch.ones(size, dtype=torch.bool, device=anchors.device)
    found[anchors] = False
    return found


def _softplus(x: Tensor) -> Tensor:
    # log(1 + exp(x)); torch's own cuts off the exponential above 20, an error of 2e-9.
    return -F.logsigmoid(-x)
