"""The weighted sum of several objectives."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from polymodal_core.objective import Contrastive
from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair


@dataclass(frozen=True)
class SumOutput(LossOutput):
    """A `LossOutput` whose `terms` are the detached totals of the parts by name, unweighted.

    `parts` are sums over the objectives that compare a pair, weighted; `anchors` the most that any
    of them has.
    """

    terms: Mapping[str, Tensor]


class Sum(nn.Module):
    """The sum of objectives, each times its weight: `Sum({"pcmc": (1.0, PCMC()), ...})`.

    All score the same embeddings, and each gets what it takes of what is given beside them. Raises
    ObjectiveError for no objective, a weight that is negative or not finite, and for one that does
    not take the pairs that may be compared in a batch, where these are limited.
    """

    def __init__(self, objectives: Mapping[str, tuple[float, nn.Module]]) -> None:
        """Check the weights."""
        super().__init__()
        if not objectives:
            raise ObjectiveError("a sum needs at least one objective")
        for name, (weight, _) in objectives.items():
            if not 0 <= weight < float("inf"):
                raise ObjectiveError(f"the weight of {name} is {weight}; wanted a number >= 0")
        self.weights = {name: float(weight) for name, (weight, _) in objectives.items()}
        # Names need not be attributes' names: the modules are kept in their order.
        self.objectives = nn.ModuleList(objective for _, objective in objectives.values())
        self._taken = [_taken(objective) for objective in self.objectives]

    @property
    def temperature(self) -> float:
        """The temperature of the first objective that has one; raises AttributeError without."""
        for objective in self.objectives:
            found = getattr(objective, "temperature", None)
            if isinstance(found, float):
                return found
        raise AttributeError("no objective of the sum has a temperature")

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
        **given: Any,
    ) -> SumOutput:
        """Score unit vectors [batch, dim] per column by each objective."""
        given = {**given, "present": present, "groups": groups, "compare": compare}
        outputs: dict[str, LossOutput] = {}
        for (name, objective), taken in zip(self._named(), self._taken, strict=True):
            if taken is not None and compare is not None and "compare" not in taken:
                raise ObjectiveError(
                    f"{name} compares all pairs of columns, those that have seen each other too: "
                    f"its forward would have to take `compare`"
                )
            outputs[name] = objective(
                embeddings,
                **{key: value for key, value in given.items() if taken is None or key in taken},
            )
        return _summed(outputs, self.weights)

    def pair_gradients(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
        **_: Any,
    ) -> dict[str, Tensor]:
        """Measure the pull of positive and of negative pairs in each objective that can tell.

        Gives `pcmc positive`, `pcmc negative`, ..., weight included; those of weight 0 are left
        out. Which pairs are positive is for each objective to say, so they are not summed.
        """
        found = {}
        for name, objective in self._named():
            if isinstance(objective, Contrastive) and self.weights[name] > 0:
                lengths = objective.pair_gradients(
                    embeddings, present=present, groups=groups, compare=compare
                )
                for side, length in lengths.items():
                    found[f"{name} {side}"] = self.weights[name] * length
        return found

    def extra_repr(self) -> str:
        """Show the weights in `repr`."""
        return ", ".join(f"{weight:g} {name}" for name, weight in self.weights.items())

    def _named(self) -> list[tuple[str, nn.Module]]:
        return list(zip(self.weights, self.objectives, strict=True))


def _summed(outputs: Mapping[str, LossOutput], weights: Mapping[str, float]) -> SumOutput:
    total = torch.stack([weights[name] * found.total for name, found in outputs.items()]).sum()
    parts: dict[Pair, Tensor] = {}
    anchors: dict[Pair, Tensor] = {}
    for name, found in outputs.items():
        for given, part in found.parts.items():
            pair = given[::-1] if given[::-1] in parts else given
            parts[pair] = parts.get(pair, 0.0) + weights[name] * part
            anchors[pair] = torch.maximum(
                anchors.get(pair, found.anchors[given]), found.anchors[given]
            )
    terms = {name: found.total.detach() for name, found in outputs.items()}
    return SumOutput(total, parts, anchors, terms)


def _taken(objective: nn.Module) -> frozenset[str] | None:
    # Names of what an objective takes beside embeddings; None: anything.
    parameters: Sequence[inspect.Parameter] = list(
        inspect.signature(objective.forward).parameters.values()
    )
    if any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters):
        return None
    return frozenset(item.name for item in parameters)
