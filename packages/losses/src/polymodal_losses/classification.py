"""Classification: cross-entropies of each stream and of whole rows (cross-modal-transfer, 3.3)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from polymodal_core.errors import suggest
from polymodal_core.shapes import check_shape
from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.inputs import PairwiseInputs, check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair

JOINT, LABEL = "joint", "label"


@dataclass(frozen=True)
class ClassificationOutput(LossOutput):
    """A `LossOutput` whose parts are (column, "label") and ("joint", "label").

    `unlabelled` counts the rows of the batch that have no label and teach nothing.
    """

    unlabelled: Tensor


class Classification(nn.Module):
    """Weighted sum of the cross-entropies of each column alone and of whole rows.

    A linear layer of each column's own, and one for rows that have several columns, score the
    `classes` from embeddings, which are unit vectors and scaled here to components of size 1. The
    loss of a column is the mean over labelled rows that have it, times `streams[column]` (1 where
    that is left out; at 0 the column has no layer); that of whole rows is the mean over labelled
    rows that have two columns or more, times `joint`. `smoothing` is that of labels.

    The paper gives a "weighted combination of cross-entropy" and no more: which terms there are is
    the choice made here. A row of one column is classified by that column's layer, so that a
    missing auxiliary falls back to vision alone. Columns are never compared with each other, so
    that whole rows may hold whatever a fusion exchanged. Raises ObjectiveError.
    """

    needs_joint = True

    def __init__(
        self,
        columns: Sequence[str],
        *,
        dim: int,
        classes: int,
        streams: Mapping[str, float] | None = None,
        joint: float = 1.0,
        smoothing: float = 0.0,
    ) -> None:
        """Build the layers for embeddings of `dim` dimensions."""
        super().__init__()
        self.columns = list(columns)
        self.streams = {name: (streams or {}).get(name, 1.0) for name in columns}
        self.joint, self.smoothing = joint, smoothing
        self._check(streams or {}, classes)
        self.dim, self.classes = dim, classes
        self._place = {
            name: number
            for number, name in enumerate(
                name for name in columns if self.streams[name] > 0 or len(self.columns) == 1
            )
        }
        self.layers = nn.ModuleList(nn.Linear(dim, classes) for _ in self._place)
        self.whole = nn.Linear(dim, classes) if len(self.columns) > 1 else None

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
        labels: Tensor | None = None,
        joint: Tensor | None = None,
    ) -> ClassificationOutput:
        """Score unit vectors [batch, dim] per column, and `joint` [batch, dim] of whole rows.

        `labels` int [batch], negative where unknown. Without `joint` whole rows have no part.
        `groups` and `compare` are about pairs of rows and of columns, of which there are none.
        """
        inputs = check_inputs(embeddings, present=present)
        known = self._labels(labels, inputs)
        count = torch.zeros(inputs.batch, dtype=torch.int64)
        for held in inputs.present.values():
            count += held
        total = inputs.zero_with_graph()
        for parameter in self.parameters():
            total = total + parameter.reshape(-1)[:0].sum()
        parts: dict[Pair, Tensor] = {}
        anchors: dict[Pair, Tensor] = {}
        terms = [
            (name, self.streams[name], inputs.embeddings[name], inputs.present[name])
            for name in self._place
            if name in inputs.embeddings
        ]
        if joint is not None and self.whole is not None:
            terms.append((JOINT, self.joint, joint.to(inputs.dtype), count > 1))
        labelled = (known >= 0).cpu()
        with torch.autocast(device_type=inputs.device.type, enabled=False):
            for name, weight, vectors, held in terms:
                rows = (held & labelled).nonzero().flatten().to(inputs.device)
                anchors[name, LABEL] = torch.tensor(len(rows))
                parts[name, LABEL] = torch.zeros_like(total, requires_grad=False)
                if len(rows):
                    layer = self._layer(name)
                    scores = _scores(layer, vectors[rows])
                    loss = F.cross_entropy(scores, known[rows], label_smoothing=self.smoothing)
                    parts[name, LABEL] = loss.detach()
                    total = total + weight * loss
        return ClassificationOutput(total, parts, anchors, (~labelled).sum())

    def logits(self, columns: Sequence[str], embeddings: Tensor) -> Tensor:
        """Score embeddings [rows, dim] of `columns` together for every class [rows, classes].

        Of one column, by its own layer where it has one.
        """
        single = len(columns) == 1 and columns[0] in self._place
        return _scores(self._layer(columns[0] if single else JOINT), embeddings)

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"streams={self.streams}, joint={self.joint:g}, smoothing={self.smoothing:g}"

    def _layer(self, name: str) -> nn.Linear:
        found = self.layers[self._place[name]] if name in self._place else self.whole
        return cast("nn.Linear", found)

    def _labels(self, labels: Tensor | None, inputs: PairwiseInputs) -> Tensor:
        if labels is None:
            raise ObjectiveError(
                "labels is None; classification needs int labels [batch], -1 where unknown"
            )
        if labels.is_floating_point() or labels.dtype == torch.bool:
            raise ObjectiveError(f"labels is a tensor of {labels.dtype}; wanted integers")
        check_shape("labels", labels, "batch", batch=inputs.batch)
        highest = int(labels.max()) if len(labels) else -1
        if highest >= self.classes:
            raise ObjectiveError(f"labels holds {highest}; there are {self.classes} classes")
        return labels.to(device=inputs.device, dtype=torch.int64)

    def _check(self, streams: Mapping[str, float], classes: int) -> None:
        for name in streams:
            if name not in self.columns:
                raise ObjectiveError(
                    f"objective.streams names '{name}', which is no column"
                    f"{suggest(name, self.columns)}"
                )
        if JOINT in self.columns:
            raise ObjectiveError(
                f"a column is called '{JOINT}', as classification calls whole rows; rename it"
            )
        for name, weight in (*streams.items(), (JOINT, self.joint)):
            if not (math.isfinite(weight) and weight >= 0):
                raise ObjectiveError(f"the weight of '{name}' is {weight}; wanted a number >= 0")
        if self.joint == 0 and len(self.columns) > 1:
            raise ObjectiveError(
                "joint = 0 leaves whole rows without a classifier; wanted a weight above 0"
            )
        if classes < 2:
            raise ObjectiveError(
                f"the rows' labels name {classes} class{'es' * (classes != 1)}; classification "
                f"needs at least two"
            )


def _scores(layer: nn.Linear, vectors: Tensor) -> Tensor:
    weight, bias = layer.weight.to(vectors.dtype), layer.bias.to(vectors.dtype)
    return F.linear(math.sqrt(vectors.shape[1]) * vectors, weight, bias)
