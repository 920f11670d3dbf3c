"""Segmentation: cross-entropies of every pixel, of each stream and of whole rows."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from polymodal_core.errors import suggest
from polymodal_core.objective import JOINT
from polymodal_core.shapes import check_shape
from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.inputs import PairwiseInputs, check_inputs
from polymodal_losses.map_decoder import MapDecoder
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair


@dataclass(frozen=True)
class SegmentationOutput(LossOutput):
    """A `LossOutput` whose parts are (column, target) and ("joint", target).

    `anchors` count pictures; `pixels` are the pixels behind each part.
    """

    pixels: Mapping[Pair, Tensor]


class Segmentation(nn.Module):
    """Weighted sum of the cross-entropies of every pixel, from each stream and from whole rows.

    A decoder of each of `streams`, and one for rows that have several columns, scores the classes
    from a map of tokens (`MapDecoder`): that of a stream seen alone, or that of `visual` after it
    has seen the others. The loss of a stream is the mean over the labelled pixels of the rows that
    have it, times its weight; that of whole rows is the mean over rows that have `visual` and
    another column, times `joint`. A row of `visual` alone is read by that stream's decoder, so that
    a missing auxiliary falls back to vision alone: `visual` always is a stream.

    A pixel of class c counts (median frequency / frequency of c) ** `balance`, by `pixels`, those
    of each class in training (Eigen and Fergus 2015, arXiv 1411.4734, 6.2, is `balance` 1); a class
    without any counts 1. Columns are never compared. Raises ObjectiveError.
    """

    def __init__(  # noqa: PLR0913
        self,
        columns: Sequence[str],
        *,
        widths: Mapping[str, int],
        target: str,
        size: int,
        pixels: Sequence[int],
        visual: str = "image",
        streams: Mapping[str, float] | None = None,
        joint: float = 1.0,
        balance: float = 0.0,
        channels: int = 48,
    ) -> None:
        """Build the decoders of maps of `widths[column]` channels, for `size` pixels a side."""
        super().__init__()
        self.columns, self.target, self.visual, self.size = list(columns), target, visual, size
        self.weights = {visual: 1.0, **(streams or {})}
        self.joint, self.balance = joint, balance
        self.classes = len(pixels)
        self._check()
        self.streams = tuple(name for name in columns if name in self.weights)
        self.decoders = nn.ModuleList(
            MapDecoder(widths[name], classes=self.classes, channels=channels)
            for name in self.streams
        )
        self.whole = (
            MapDecoder(widths[visual], classes=self.classes, channels=channels)
            if len(self.columns) > 1
            else None
        )
        self.importance: Tensor
        self.register_buffer("importance", class_weights(pixels, balance), persistent=False)

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
        maps: Mapping[str, Tensor] | None = None,
        targets: Mapping[str, Tensor] | None = None,
    ) -> SegmentationOutput:
        """Score `maps[column]` and `maps["joint"]` [batch, channels, height, width].

        `targets[target]` int [batch, size, size] are classes, negative where unknown; left out
        where no row has any. Maps that are not there have no part. Of `embeddings` the presence
        alone matters; `groups` and `compare` are about pairs, of which there are none.
        """
        inputs = check_inputs(embeddings, present=present)
        known = self._known(targets, inputs)
        labelled = (known >= 0).flatten(1).any(dim=1).cpu()
        held = inputs.present
        count = torch.zeros(inputs.batch, dtype=torch.int64)
        for found in held.values():
            count += found.cpu()
        total = inputs.zero_with_graph()
        for parameter in self.parameters():
            total = total + parameter.reshape(-1)[:0].sum()
        parts: dict[Pair, Tensor] = {}
        anchors: dict[Pair, Tensor] = {}
        pixels: dict[Pair, Tensor] = {}
        terms = [(name, self.weights[name], held[name]) for name in self.streams if name in held]
        if self.whole is not None and self.visual in held:
            terms.append((JOINT, self.joint, held[self.visual] & (count > 1)))
        for name, weight, has in terms:
            term = (name, self.target)
            rows = (has.cpu() & labelled).nonzero().flatten().to(inputs.device)
            parts[term] = torch.zeros_like(total, requires_grad=False)
            anchors[term] = torch.tensor(0)
            pixels[term] = torch.tensor(0)
            if maps is None or name not in maps or not len(rows):
                continue
            scores = self._decoder(name)(maps[name][rows], size=self.size)
            loss = self._cross_entropy(scores.to(inputs.dtype), known[rows])
            parts[term], anchors[term] = loss.detach(), torch.tensor(len(rows))
            pixels[term] = (known[rows] >= 0).sum().cpu()
            total = total + weight * loss
        return SegmentationOutput(total, parts, anchors, pixels)

    def segment(self, columns: Sequence[str], maps: Tensor) -> Tensor:
        """Score maps of `columns` together [rows, channels, height, width] for every class.

        Gives [rows, classes, size, size]: of one column by its own decoder, of several by that of
        whole rows. Raises ObjectiveError for a column that is no stream.
        """
        name = columns[0] if len(columns) == 1 else JOINT
        if name != JOINT and name not in self.streams:
            raise ObjectiveError(
                f"'{name}' has no decoder of its own{suggest(name, self.streams)}; give it a "
                f"weight in objective.streams"
            )
        return cast("Tensor", self._decoder(name)(maps, size=self.size))

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"weights={self.weights}, joint={self.joint:g}, balance={self.balance:g}"

    def _decoder(self, name: str) -> MapDecoder:
        found = self.whole if name == JOINT else self.decoders[self.streams.index(name)]
        return cast("MapDecoder", found)

    def _cross_entropy(self, scores: Tensor, known: Tensor) -> Tensor:
        # The weighted mean over labelled pixels: divided by the sum of their weights.
        weight = self.importance.to(scores.dtype)
        with torch.autocast(device_type=scores.device.type, enabled=False):
            return F.cross_entropy(scores, known, weight=weight, ignore_index=-1)

    def _known(self, targets: Mapping[str, Tensor] | None, inputs: PairwiseInputs) -> Tensor:
        if targets is None:
            raise ObjectiveError(
                f"targets is None; segmentation needs int maps '{self.target}' "
                f"[batch, {self.size}, {self.size}], -1 where a pixel is unknown"
            )
        if self.target not in targets:  # no row of the batch has one
            return torch.full((inputs.batch, 1, 1), -1, device=inputs.device)
        known = targets[self.target]
        if known.is_floating_point() or known.dtype == torch.bool:
            raise ObjectiveError(f"targets holds a tensor of {known.dtype}; wanted integers")
        name = f"targets['{self.target}']"
        check_shape(name, known, "batch size size", batch=inputs.batch, size=self.size)
        highest = int(known.max()) if known.numel() else -1
        if highest >= self.classes:
            raise ObjectiveError(f"a target pixel is {highest}; there are {self.classes} classes")
        return known.to(device=inputs.device, dtype=torch.int64).clamp(min=-1)

    def _check(self) -> None:
        for name, place in [(self.visual, "visual"), *((name, "streams") for name in self.weights)]:
            if name not in self.columns:
                raise ObjectiveError(
                    f"objective.{place} names '{name}', which is no column"
                    f"{suggest(name, self.columns)}"
                )
        if JOINT in self.columns:
            raise ObjectiveError(
                f"a column is called '{JOINT}', as segmentation calls whole rows; rename it"
            )
        for name, weight in (*self.weights.items(), (JOINT, self.joint)):
            if not (math.isfinite(weight) and weight > 0):
                raise ObjectiveError(f"the weight of '{name}' is {weight}; wanted a number > 0")
        if self.classes < 2:
            raise ObjectiveError(
                f"the maps of '{self.target}' have {self.classes} class"
                f"{'es' * (self.classes != 1)}; segmentation needs at least two"
            )


def class_weights(pixels: Sequence[int], balance: float) -> Tensor:
    """Give (median frequency / frequency) ** balance of each class [classes]; 1 without pixels."""
    counts = torch.tensor(list(pixels), dtype=torch.float64)
    seen = counts > 0
    weights = torch.ones_like(counts)
    if balance and bool(seen.any()):
        weights[seen] = (counts[seen].quantile(0.5) / counts[seen]) ** balance
    return weights.float()


def of_target(given: Mapping[str, Mapping[str, Any]], target: str) -> Mapping[str, Any]:
    """Give what a target column says of itself; raises ObjectiveError where there is none."""
    if target not in given:
        hint = suggest(target, given) if given else f"; add a table [modalities.{target}]"
        raise ObjectiveError(f"objective.target: there is no target column '{target}'{hint}")
    return given[target]
