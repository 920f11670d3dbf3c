"""The tri-modal objective: contrast of all pairs, with a regulariser against collapse."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.inputs import PairwiseInputs, check_inputs, detached
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_rows import PairRows, pair_rows, take_rows
from polymodal_losses.pairs import Pair, resolve_pairs
from polymodal_losses.pcmc import PCMC
from polymodal_losses.product import full_precision_product


@dataclass(frozen=True)
class TrimodalOutput(LossOutput):
    """A `LossOutput` whose `total` holds `collapse` too, the weighted regulariser, detached."""

    collapse: Tensor


class Trimodal(PCMC):
    """The loss of trimodal-fusion (section 3) over any number of columns, three in the paper.

    PCMC over `pairs`; None compares all, as the paper's (image, text), (image, depth), (text,
    depth) do. `symmetric=False` keeps the direction from the first column of a pair to the second
    alone, as printed. `beta` is the hardness of negatives: negative q of anchor p counts `exp(beta
    * S[p, q])` in the softmax, detached and normalised to a mean of 1 over the anchor's negatives.

    The regulariser penalises embeddings of rows that do not match and are too close: `collapse`
    times the mean over pairs of the mean over p != q of different groups, p with the first column
    and q with the second, of `relu(S[p, q] - margin)^2`. Pairs of weight 0, and those without such
    p and q, are not in that mean. The paper gives neither form nor numbers of either.

    Stores matrices [batch, batch] for each pair. Raises ObjectiveError.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        learnable: bool = True,
        *,
        symmetric: bool = True,
        collapse: float = 0.1,
        margin: float = 0.5,
        beta: float = 0.0,
        pairs: Mapping[Pair, float] | None = None,
    ) -> None:
        """Check the options and set the temperature."""
        super().__init__(temperature, learnable, pairs=pairs, form="direct")
        check_trimodal(collapse=collapse, margin=margin, beta=beta)
        self.symmetric = symmetric
        self.collapse, self.margin, self.beta = collapse, margin, beta

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> TrimodalOutput:
        """Score unit vectors [batch, dim] per column; arguments as in `PCMC`.

        `parts` are the contrastive losses of the pairs.
        """
        inputs = check_inputs(embeddings, present=present, groups=groups)
        weights = resolve_pairs(embeddings, self.pairs, compare)
        with torch.autocast(device_type=inputs.device.type, enabled=False):
            compared = _compare(inputs, weights)
            return self._score(inputs, self._scale(inputs), weights, compared)

    def _score(
        self,
        inputs: PairwiseInputs,
        scale: Tensor,
        weights: Mapping[Pair, float],
        compared: Mapping[Pair, _Compared],
    ) -> TrimodalOutput:
        total = inputs.zero_with_graph() + scale.reshape(1)[:0].sum()
        parts: dict[Pair, Tensor] = {}
        anchors: dict[Pair, Tensor] = {}
        penalties: list[Tensor] = []
        for pair, weight in weights.items():
            rows, similar = compared[pair].rows, compared[pair].similar
            anchors[pair] = torch.tensor(rows.num_anchors)
            parts[pair] = torch.zeros_like(total, requires_grad=False)
            if rows.num_anchors > 0:
                loss = self._contrast(similar, scale, rows, inputs.groups)
                parts[pair] = loss.detach()
                total = total + weight * loss
            if self.collapse > 0 and weight > 0:
                penalties += self._penalty(similar, rows, inputs)
        collapse = torch.zeros_like(total, requires_grad=False)
        if penalties:
            penalty = self.collapse * torch.stack(penalties).mean()
            total, collapse = total + penalty, penalty.detach()
        return TrimodalOutput(total, parts, anchors, collapse)

    def pair_gradients(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> dict[str, Tensor]:
        """Measure how hard `positive` and `negative` pairs pull on the embeddings (Fig. 6).

        As in PCMC, by the formula of `measure_pair_gradients`, where G is that of the whole loss:
        the penalty, and the weights of hard negatives, are in it. Arguments as in `forward`, to
        which nothing flows back.
        """
        inputs = check_inputs(detached(embeddings), present=present, groups=groups)
        weights = resolve_pairs(embeddings, self.pairs, compare)
        lengths: dict[str, list[Tensor]] = {"positive": [], "negative": []}
        with torch.enable_grad(), torch.autocast(device_type=inputs.device.type, enabled=False):
            compared = _compare(inputs, weights)
            pulling = [
                pair
                for pair, weight in weights.items()
                if weight > 0 and compared[pair].rows.num_anchors > 0
            ]
            if not pulling:
                return {}
            products = [compared[pair].similar.requires_grad_() for pair in pulling]
            total = self._score(inputs, self._scale(inputs).detach(), weights, compared).total
            gradients = torch.autograd.grad(total, products)
        for (a, b), gradient in zip(pulling, gradients, strict=True):
            rows = compared[a, b].rows
            at = rows.anchors_in_a, rows.anchors_in_b
            left, right = (
                take_rows(inputs.embeddings[a], rows.a),
                take_rows(inputs.embeddings[b], rows.b),
            )
            positive = torch.zeros_like(gradient)
            positive[at] = gradient[at]
            for name, part in (("positive", positive), ("negative", gradient - positive)):
                lengths[name].append((part @ right)[at[0]].norm(dim=1))
                lengths[name].append((part.T @ left)[at[1]].norm(dim=1))
        return {name: torch.cat(found).mean() for name, found in lengths.items()}

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return (
            f"{super().extra_repr()}, symmetric={self.symmetric}, collapse={self.collapse:g}, "
            f"margin={self.margin:g}, beta={self.beta:g}"
        )

    def _contrast(
        self, similar: Tensor, scale: Tensor, rows: PairRows, groups: Tensor | None
    ) -> Tensor:
        excluded = None if groups is None else rows.false_negatives(groups)
        loss = self._direction(similar, scale, excluded, rows.anchors_in_a, rows.anchors_in_b)
        if not self.symmetric:
            return loss
        excluded = None if excluded is None else excluded.T
        back = self._direction(similar.T, scale, excluded, rows.anchors_in_b, rows.anchors_in_a)
        return (loss + back) / 2

    def _direction(
        self,
        similar: Tensor,
        scale: Tensor,
        excluded: Tensor | None,
        anchors: Tensor,
        positives: Tensor,
    ) -> Tensor:
        own = take_rows(similar, anchors)  # [anchors, candidates]
        place = torch.arange(len(anchors), device=own.device)
        logits = scale * own
        negative = torch.ones_like(own, dtype=torch.bool)
        if excluded is not None:
            negative = ~take_rows(excluded, anchors)
            logits = logits.masked_fill(~negative, -torch.inf)
        positive = logits[place, positives]
        if self.beta > 0:
            negative = negative.clone()
            negative[place, positives] = False
            logits = logits + _log_hardness(self.beta * own.detach(), negative)
        return (logits.logsumexp(dim=1) - positive).mean()

    def _penalty(self, similar: Tensor, rows: PairRows, inputs: PairwiseInputs) -> list[Tensor]:
        if inputs.groups is None:
            other = rows.a[:, None] != rows.b
        else:
            other = inputs.groups[rows.a, None] != inputs.groups[rows.b]
        if not bool(other.any()):
            return []
        return [(similar[other] - self.margin).relu().square().mean()]


@dataclass(frozen=True)
class _Compared:
    # The rows of a pair of columns and their products [a_rows, b_rows].
    rows: PairRows
    similar: Tensor


def _compare(inputs: PairwiseInputs, pairs: Iterable[Pair]) -> dict[Pair, _Compared]:
    compared = {}
    for a, b in pairs:
        rows = pair_rows(inputs.present[a], inputs.present[b], device=inputs.device)
        left, right = (
            take_rows(inputs.embeddings[a], rows.a),
            take_rows(inputs.embeddings[b], rows.b),
        )
        compared[a, b] = _Compared(rows, full_precision_product(left, right))
    return compared


def _log_hardness(weights: Tensor, negative: Tensor) -> Tensor:
    # log(exp(w) / mean over negatives of exp(w)) at negatives, 0 elsewhere: [anchors, candidates].
    count = negative.sum(dim=1, keepdim=True).clamp(min=1)
    held = weights.masked_fill(~negative, -torch.inf)
    mean = held.logsumexp(dim=1, keepdim=True) - count.to(weights.dtype).log()
    return torch.where(negative, weights - mean, 0.0)


def check_trimodal(*, collapse: float, margin: float, beta: float) -> None:
    """Check the options; raises ObjectiveError that says what is accepted."""
    for name, value in (("collapse", collapse), ("beta", beta)):
        if not (math.isfinite(value) and value >= 0):
            raise ObjectiveError(f"{name} is {value}; wanted a finite number >= 0")
    if not -1 <= margin < 1:
        raise ObjectiveError(f"margin is {margin}; wanted a cosine, from -1 to below 1")
