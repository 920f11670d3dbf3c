"""The pairwise cross-modal regression loss as a function (pcmc-pcmr, Eqs. 6, 7, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from polymodal_losses.compared_target import ComparedTarget
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form, takes_direct_form
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_rows import pair_rows, take_rows
from polymodal_losses.pairs import Pair
from polymodal_losses.product import full_precision_product
from polymodal_losses.regression_elementwise import elementwise_regression
from polymodal_losses.regression_gram import gram_regression
from polymodal_losses.target import Target
from polymodal_losses.target_rule import TargetRule, embedding_target, group_target
from polymodal_losses.tiles import Tile

Power = Literal["frobenius", "elementwise"]

DIRECT_BATCH = 256
"""Largest batch that `form="auto"` computes in the direct form."""


@dataclass(frozen=True)
class RegressionOptions:
    """What PCMR computes: see `PCMR`."""

    power: Power = "elementwise"
    rho: float = 1.0
    target: TargetRule = "groups"
    threshold: float = 0.99


def check_power(power: Power, rho: float) -> None:
    """Refuse an unknown power, and a rho without a gradient at 0; raises ObjectiveError."""
    if power not in get_args(Power):
        raise ObjectiveError(f"power is {power!r}; wanted one of {', '.join(get_args(Power))}")
    if not 0 <= rho < float("inf"):
        raise ObjectiveError(f"rho is {rho}; wanted a finite number >= 0")


def pairwise_regression(
    inputs: PairwiseInputs,
    *,
    weights: Mapping[Pair, float],
    options: RegressionOptions,
    form: Form = "auto",
) -> LossOutput:
    """Sum, over weighted pairs, the distance of the similarities of unit vectors from a target.

    With S = a b', H = outer(present in a, present in b), T the target and p = 2 + rho, a pair costs
    `||H∘(S - T)||_F^p` (`frobenius`, Eq. 9 as printed) or `sum |H∘(S - T)|^p` (`elementwise`). H
    asks for a row with a and a row with b, the same or not: rows that lack a column still repel, or
    match within their group, the others. A pair without such rows costs exactly 0.
    T is shared by all pairs and has no gradient. Autocast is off here.
    """
    if takes_direct_form(form, inputs.batch, limit=DIRECT_BATCH):
        return direct_regression(inputs, weights=weights, options=options)
    if options.target == "embeddings":
        target = embedding_target(inputs, options.threshold)
    else:
        target = group_target(inputs.groups, batch=inputs.batch, device=inputs.device)
    if options.power == "frobenius":
        total, parts = gram_regression(inputs, target, weights=weights, rho=options.rho)
    else:
        total, parts = elementwise_regression(inputs, target, weights=weights, rho=options.rho)
    return LossOutput(total=total, parts=parts, anchors=_anchors(inputs, weights))


def direct_regression(
    inputs: PairwiseInputs, *, weights: Mapping[Pair, float], options: RegressionOptions
) -> LossOutput:
    """Compute `pairwise_regression` by autograd from whole matrices; differentiable twice."""
    target = direct_target(inputs, options)
    total = inputs.zero_with_graph()
    parts: dict[Pair, Tensor] = {}
    with torch.autocast(device_type=inputs.device.type, enabled=False):
        for (a, b), weight in weights.items():
            rows = inputs.rows(a), inputs.rows(b)
            left = take_rows(inputs.embeddings[a], rows[0])
            right = take_rows(inputs.embeddings[b], rows[1])
            wanted = take_rows(take_rows(target, rows[0]).T, rows[1]).T
            difference = full_precision_product(left, right) - wanted
            if options.power == "frobenius":
                # Not torch.linalg.norm, whose serial float32 sum is 9 % low at a batch of 16,384.
                loss = (difference * difference).sum() ** (1 + options.rho / 2)
            else:
                loss = (difference.abs() ** (2 + options.rho)).sum()
            parts[a, b] = loss.detach()
            total = total + weight * loss
    return LossOutput(total=total, parts=parts, anchors=_anchors(inputs, weights))


def direct_target(inputs: PairwiseInputs, options: RegressionOptions) -> Tensor:
    """Write out T [batch, batch]: 1 where rows match, else 0."""
    target: Target
    if options.target == "embeddings":
        target = ComparedTarget(inputs, options.threshold)
    else:
        target = group_target(inputs.groups, batch=inputs.batch, device=inputs.device)
    everything = slice(0, inputs.batch)
    out = torch.empty((inputs.batch,) * 2, dtype=inputs.dtype, device=inputs.device)
    with torch.no_grad(), torch.autocast(device_type=inputs.device.type, enabled=False):
        return target.tile(Tile(everything, everything), out)


def _anchors(inputs: PairwiseInputs, weights: Mapping[Pair, float]) -> dict[Pair, Tensor]:
    found = {}
    for a, b in weights:
        rows = pair_rows(inputs.present[a], inputs.present[b], device=torch.device("cpu"))
        found[a, b] = torch.tensor(rows.num_anchors)
    return found
