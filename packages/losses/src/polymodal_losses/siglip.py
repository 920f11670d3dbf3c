"""SigLIP, the pairwise sigmoid objective."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form, check_form
from polymodal_losses.inputs import PairwiseInputs, check_inputs, detached
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_gradients import measure_pair_gradients
from polymodal_losses.pairs import Pair, check_pairs, resolve_pairs
from polymodal_losses.sigmoid import SigmoidSlopes, pairwise_sigmoid
from polymodal_losses.temperature import MAX_LOGIT_SCALE, check_temperature, temperature_of


class SigLIP(nn.Module):
    """Sigmoid loss over any number of columns (Zhai et al. 2023, Algorithm 1).

    Every row of one column with every row of the other is told, by itself, to match or not to: no
    softmax over the batch. `temperature` and `bias` are the start values where `learnable`: with
    0.1 (a scale of 10) and -10 next to nothing matches at first, as is true of next to all pairs.
    The scale is kept at 100 or below, as in PCMC. `pairs`, `form` as in PCMC, but one sweep over
    the tiles is enough here. Groups as in PCMC: rows of one group are no negatives of each other.
    Raises ObjectiveError.
    """

    logit_scale: Tensor
    bias: Tensor

    def __init__(
        self,
        temperature: float = 0.1,
        bias: float = -10.0,
        learnable: bool = True,
        *,
        pairs: Mapping[Pair, float] | None = None,
        form: Form = "auto",
    ) -> None:
        """Check the options, and set the temperature and the bias."""
        super().__init__()
        check_temperature(temperature, learnable=learnable)
        check_form(form)
        if not math.isfinite(bias):
            raise ObjectiveError(f"bias is {bias}; wanted a finite number")
        self.form: Form = form
        self.learnable = learnable
        self.pairs = check_pairs(pairs)
        for name, value in (("logit_scale", -math.log(temperature)), ("bias", bias)):
            stored = torch.tensor(value, dtype=torch.float32)
            if learnable:
                self.register_parameter(name, nn.Parameter(stored))
            else:
                self.register_buffer(name, stored)

    @property
    def temperature(self) -> float:
        """The temperature that the next forward pass will use."""
        log_scale = self.logit_scale.item()
        return temperature_of(
            min(log_scale, math.log(MAX_LOGIT_SCALE)) if self.learnable else log_scale
        )

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] per column; arguments as in PCMC.

        See `pairwise_sigmoid` for the formula.
        """
        inputs = check_inputs(embeddings, present=present, groups=groups)
        weights = resolve_pairs(embeddings, self.pairs, compare)
        bias = self.bias.to(device=inputs.device, dtype=inputs.dtype)
        return pairwise_sigmoid(inputs, self._scale(inputs), bias, weights=weights, form=self.form)

    def pair_gradients(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> dict[str, Tensor]:
        """Measure how hard `positive` and `negative` pairs pull on the embeddings, as in PCMC."""
        inputs = check_inputs(detached(embeddings), present=present, groups=groups)
        bias = self.bias.item()
        return measure_pair_gradients(
            inputs,
            self._scale(inputs).detach(),
            weights=resolve_pairs(embeddings, self.pairs, compare),
            slopes=lambda tiles: SigmoidSlopes(tiles, bias),
            directions=1,
        )

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return (
            f"temperature={self.temperature:.4g}, bias={self.bias.item():.4g}, "
            f"learnable={self.learnable}, pairs={self.pairs}"
        )

    def _scale(self, inputs: PairwiseInputs) -> Tensor:
        if self.learnable:
            with torch.no_grad():  # as in PCMC: a clamp in the graph would have no gradient beyond
                self.logit_scale.clamp_(max=math.log(MAX_LOGIT_SCALE))
        return self.logit_scale.to(device=inputs.device, dtype=inputs.dtype).exp()
