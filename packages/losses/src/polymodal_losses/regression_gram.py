"""PCMR by Gram matrices: the Frobenius form in O(batch * dim^2), without a matrix [batch, batch].

`||A B' - T||^2 = <A'A, B'B> - 2 <A, T B> + ||T||^2`, for the rows that have the columns; its
gradient is `2 (A (B'B) - T B)`. `T B` is computed once for a column, whatever the number of pairs,
and a column's gradient takes one matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from polymodal_losses.formed_gradients import with_formed_gradients
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.pairs import Pair
from polymodal_losses.target import Target
from polymodal_losses.tile_product import product
from polymodal_losses.tiles import spans

_ROWS = 2048


def gram_regression(
    inputs: PairwiseInputs, target: Target, *, weights: Mapping[Pair, float], rho: float
) -> tuple[Tensor, dict[Pair, Tensor]]:
    """Compute PCMR's `frobenius` total and parts; not differentiable twice.

    Gram matrices accumulate in float64 and the squared norm is clamped at 0: it is exact to 1e-6 of
    ||S||^2 + ||T||^2, of which it is the small rest where the embeddings meet their target.
    """
    parts: dict[Pair, Tensor] = {}

    def compute(wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
        columns = inputs.with_zeros()
        grams = {column: _gram(z) for column, z in columns.items()}
        present = torch.stack([rows.to(inputs.device) for rows in inputs.present.values()], dim=1)
        *matched, counts = target.products([*columns.values(), present.to(inputs.dtype)])
        matched_by = dict(zip(columns, matched, strict=True))
        # Numbers of matches between rows with a and rows with b: ||T||^2 of every pair.
        matches = present.double().T @ counts.double()
        total = torch.zeros((), dtype=torch.float64, device=inputs.device)
        factors: dict[Pair, Tensor] = {}
        for (a, b), weight in weights.items():
            size = matches[list(columns).index(a), list(columns).index(b)]
            cross = torch.einsum("pd,pd->p", columns[a], matched_by[b]).double().sum()
            squared = ((grams[a] * grams[b]).sum() - 2 * cross + size).clamp(min=0)
            part = squared ** (1 + rho / 2)
            parts[a, b] = part.to(inputs.dtype)
            factors[a, b] = weight * (2 + rho) * squared ** (rho / 2)
            total = total + weight * part
        gradients: list[Tensor | None] = [None] * len(columns)
        if any(wanted):
            _write_gradients(inputs, columns, grams, matched_by, factors)
            gradients = [z if wants else None for z, wants in zip(matched, wanted, strict=True)]
        return total.to(inputs.dtype), gradients

    total = with_formed_gradients(compute, list(inputs.embeddings.values()))
    return total, parts


def _gram(z: Tensor) -> Tensor:
    gram = torch.zeros((z.shape[1],) * 2, dtype=torch.float64, device=z.device)
    for rows in spans(len(z), _ROWS):
        x = z[rows].double()
        gram.addmm_(x.T, x)
    return gram


def _write_gradients(
    inputs: PairwiseInputs,
    columns: Mapping[str, Tensor],
    grams: Mapping[str, Tensor],
    matched: Mapping[str, Tensor],
    factors: Mapping[Pair, Tensor],
) -> None:
    """Turn each column's T z [batch, dim] into its gradient, in place: they need no more memory."""
    partners: dict[str, list[tuple[str, Tensor]]] = {column: [] for column in columns}
    for (a, b), factor in factors.items():
        partners[a].append((b, factor))
        partners[b].append((a, factor))
    mixed = {
        column: sum((factor * grams[other] for other, factor in found), torch.zeros_like(gram))
        for (column, found), gram in zip(partners.items(), grams.values(), strict=True)
    }
    for rows in spans(inputs.batch, _ROWS):
        before = {column: z[rows].clone() for column, z in matched.items()}
        for column, found in partners.items():
            z = columns[column][rows]
            # A sum of Gram matrices is its own transpose.
            gradient = product(z, mixed[column].to(z.dtype))
            for other, factor in found:
                gradient.addcmul_(before[other], factor.to(z.dtype), value=-1)
            present = inputs.present[column][rows]
            if not bool(present.all()):
                gradient.masked_fill_(~present.to(z.device)[:, None], 0.0)
            matched[column][rows] = gradient
