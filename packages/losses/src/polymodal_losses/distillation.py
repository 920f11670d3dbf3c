"""Distillation: the similarities of a larger model's embeddings, learned by a smaller one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.inputs import PairwiseInputs, check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_rows import pair_rows, take_rows
from polymodal_losses.pairs import Pair, check_pairs, resolve_pairs
from polymodal_losses.product import full_precision_product
from polymodal_losses.temperature import check_temperature


class Distillation(nn.Module):
    """Match the similarities among a batch's rows to those that a teacher gives them.

    For a pair of columns (a, b), every row that has both has a distribution over the rows that have
    b: the softmax of its similarities at `temperature`, by the teacher and by the student. The loss
    is the mean Kullback-Leibler divergence from the teacher's to the student's, over both
    directions; the objective is the weighted sum over pairs. Teacher and student need neither
    widths nor axes in common: a teacher's space may be turned at will. No gradient reaches the
    teacher. It is the relational form of distillation (Hinton et al. 2015; Park et al. 2019), over
    the similarities that retrieval is by.

    `teacher` names the embeddings among `teachers` that `forward` is given. `pairs` as in PCMC;
    None compares all pairs of the columns that both have. Stores matrices [batch, batch]. Raises
    ObjectiveError.
    """

    def __init__(
        self,
        teacher: str,
        temperature: float = 0.07,
        *,
        pairs: Mapping[Pair, float] | None = None,
    ) -> None:
        """Check the options."""
        super().__init__()
        check_temperature(temperature, learnable=False)
        self.teacher, self.sharpness = teacher, 1 / temperature
        self.pairs = check_pairs(pairs)

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        teachers: Mapping[str, Mapping[str, Tensor]],
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] per column; arguments as in PCMC.

        `teachers[name][column]` [batch, any dim] are unit vectors of the same rows; what they hold
        where a row lacks the column never matters. `groups` change nothing: what matches is for the
        teacher to say.
        """
        if self.teacher not in teachers:
            raise ObjectiveError(
                f"the embeddings of teacher '{self.teacher}' are not given; given: {list(teachers)}"
            )
        taught = teachers[self.teacher]
        inputs = check_inputs(embeddings, present=present)
        weights = resolve_pairs(embeddings, self._pairs(embeddings, taught), compare)
        total = inputs.zero_with_graph()
        parts: dict[Pair, Tensor] = {}
        anchors: dict[Pair, Tensor] = {}
        with torch.autocast(device_type=inputs.device.type, enabled=False):
            for pair, weight in weights.items():
                loss, count = self._one_pair(inputs, taught, pair)
                anchors[pair] = torch.tensor(count)
                parts[pair] = torch.zeros_like(total, requires_grad=False)
                if loss is not None:
                    parts[pair] = loss.detach()
                    total = total + weight * loss
        return LossOutput(total, parts, anchors)

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"teacher={self.teacher!r}, temperature={1 / self.sharpness:g}, pairs={self.pairs}"

    def _pairs(
        self, embeddings: Mapping[str, Tensor], taught: Mapping[str, Tensor]
    ) -> Mapping[Pair, float]:
        if self.pairs is None:
            both = {column: z for column, z in embeddings.items() if column in taught}
            return resolve_pairs(both, None)
        unknown = sorted({name for pair in self.pairs for name in pair} - taught.keys())
        if unknown:
            raise ObjectiveError(
                f"teacher '{self.teacher}' has no column {', '.join(unknown)}; it has "
                f"{', '.join(taught)}: name pairs of these alone"
            )
        return self.pairs

    def _one_pair(
        self, inputs: PairwiseInputs, taught: Mapping[str, Tensor], pair: Pair
    ) -> tuple[Tensor | None, int]:
        a, b = pair
        rows = pair_rows(inputs.present[a], inputs.present[b], device=inputs.device)
        if rows.num_anchors == 0:
            return None, 0
        student, teacher = (
            full_precision_product(
                self.sharpness * take_rows(vectors[a], rows.a), take_rows(vectors[b], rows.b)
            )
            for vectors in (
                inputs.embeddings,
                {c: taught[c].detach().to(inputs.device, inputs.dtype) for c in pair},
            )
        )
        loss = _divergence(
            take_rows(student, rows.anchors_in_a), take_rows(teacher, rows.anchors_in_a)
        ) + _divergence(
            take_rows(student.T, rows.anchors_in_b), take_rows(teacher.T, rows.anchors_in_b)
        )
        return loss / 2, rows.num_anchors


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    # From the teacher's softmax over the last axis to the student's, mean over rows.
    wanted = teacher.log_softmax(dim=1)
    return (wanted.exp() * (wanted - student.log_softmax(dim=1))).sum(dim=1).mean()
