"""The pairwise cross-modal contrastive loss as a function (pcmc-pcmr, Eqs. 3, 4, 5, 8)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from polymodal_losses.contrastive_tiled import tiled_contrastive
from polymodal_losses.form import Form, MatmulDtype, takes_direct_form
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_rows import PairRows, pair_rows, take_rows
from polymodal_losses.pair_sweep import TiledOptions
from polymodal_losses.pairs import Pair
from polymodal_losses.product import full_precision_product

DIRECT_BATCH = 256
"""Largest batch that `form="auto"` computes in the direct form."""


def pairwise_contrastive(
    inputs: PairwiseInputs,
    logit_scale: Tensor,
    *,
    weights: Mapping[Pair, float],
    form: Form = "auto",
    matmul_dtype: MatmulDtype | None = None,
) -> LossOutput:
    """Sum, over weighted pairs, the mean of both directions' InfoNCE of unit vectors [batch, dim].

    Anchors of a pair are the rows present in both columns; candidates of an a→b anchor are the rows
    that have b, anchors or not. Each direction is the **mean** over anchors (Eq. 5 prints the sum).
    With groups, candidates of the anchor's own group other than itself are left out of its softmax.
    `logit_scale` is 1/temperature, a scalar of the inputs' dtype and device. Autocast is off here.
    The direct form stores a matrix [batch, batch] for each pair, the tiled one none.
    """
    if takes_direct_form(form, inputs.batch, limit=DIRECT_BATCH):
        return direct_contrastive(inputs, logit_scale, weights=weights)
    options = TiledOptions(matmul_dtype=matmul_dtype)
    return tiled_contrastive(inputs, logit_scale, weights=weights, options=options)


def direct_contrastive(
    inputs: PairwiseInputs, logit_scale: Tensor, *, weights: Mapping[Pair, float]
) -> LossOutput:
    """Compute `pairwise_contrastive` by autograd from whole matrices; differentiable twice."""
    total = inputs.zero_with_graph() + logit_scale.reshape(1)[:0].sum()
    parts: dict[Pair, Tensor] = {}
    anchors: dict[Pair, Tensor] = {}
    with torch.autocast(device_type=inputs.device.type, enabled=False):
        for (a, b), weight in weights.items():
            rows = pair_rows(inputs.present[a], inputs.present[b], device=inputs.device)
            anchors[a, b] = torch.tensor(rows.num_anchors)
            parts[a, b] = torch.zeros_like(total, requires_grad=False)
            if rows.num_anchors > 0:
                loss = _symmetric_cross_entropy(
                    inputs.embeddings[a], inputs.embeddings[b], logit_scale, rows, inputs.groups
                )
                parts[a, b] = loss.detach()
                total = total + weight * loss
    return LossOutput(total=total, parts=parts, anchors=anchors)


def _symmetric_cross_entropy(
    a: Tensor, b: Tensor, scale: Tensor, rows: PairRows, groups: Tensor | None
) -> Tensor:
    # One product serves both directions: its rows are a→b, its columns b→a.
    logits = full_precision_product(scale * take_rows(a, rows.a), take_rows(b, rows.b))
    if groups is not None:
        logits = logits.masked_fill(rows.false_negatives(groups), -torch.inf)
    # Read from the logits, not recomputed: with a single candidate the loss is then exactly 0.
    positive = logits[rows.anchors_in_a, rows.anchors_in_b]  # [anchors]
    # Rows that are no anchors are dropped before logsumexp: theirs may hold nothing but -inf.
    a_to_b = take_rows(logits, rows.anchors_in_a).logsumexp(dim=1)
    b_to_a = take_rows(logits.T, rows.anchors_in_b).logsumexp(dim=1)
    return ((a_to_b + b_to_a) / 2 - positive).mean()
