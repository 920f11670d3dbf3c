"""PCMC, the pairwise cross-modal contrastive objective."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from polymodal_losses.contrastive import pairwise_contrastive
from polymodal_losses.form import Form, MatmulDtype, check_form, check_matmul_dtype
from polymodal_losses.inputs import PairwiseInputs, check_inputs, detached
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_gradients import measure_pair_gradients
from polymodal_losses.pair_softmax import pair_softmax
from polymodal_losses.pairs import Pair, check_pairs, resolve_pairs
from polymodal_losses.temperature import MAX_LOGIT_SCALE, check_temperature, temperature_of


class PCMC(nn.Module):
    """Pairwise cross-modal contrastive loss over any number of columns (pcmc-pcmr, section 3).

    `temperature` is the start value where `learnable`: `logit_scale`, the log of 1/temperature, is
    then a parameter, kept at a temperature of 0.01 or above; else it is a buffer. Learned from 0.07
    or fixed at 0.05, it came to within 0.3 points of R@1 on Flickr8k: learning saves the choice.
    `pairs` weights the pairs to compare, {("image", "text"): 1.0}; None compares all. Raises
    ObjectiveError.

    `form="direct"` stores logits [batch, batch] for each pair; `"tiled"` stores none at any batch,
    gives the same loss and gradients, and cannot be differentiated twice; `"auto"` is direct up to
    a batch of 256, where both were measured to cost the same. `matmul_dtype="bfloat16"` rounds the
    tiled form's matrix products, but neither positives nor sums: faster where the processor
    multiplies in bfloat16, with gradients within 1 % in norm and a loss within 0.2 % (measured at a
    batch of 2,048, 256 dimensions, temperatures of 0.01 to 0.07).
    """

    logit_scale: Tensor

    def __init__(
        self,
        temperature: float = 0.07,
        learnable: bool = True,
        *,
        pairs: Mapping[Pair, float] | None = None,
        form: Form = "auto",
        matmul_dtype: MatmulDtype | None = None,
    ) -> None:
        """Check the options and set the temperature."""
        super().__init__()
        check_temperature(temperature, learnable=learnable)
        check_form(form)
        check_matmul_dtype(matmul_dtype, form)
        self.form: Form = form
        self.matmul_dtype = matmul_dtype
        self.learnable = learnable
        self.pairs = check_pairs(pairs)
        log_scale = -math.log(temperature)
        stored = torch.tensor(log_scale, dtype=torch.float32)
        # float32 holds the log to 1e-7 only; with the remainder, float64 inputs meet exactly the
        # temperature that was asked for.
        self._remainder = log_scale - stored.item()
        if learnable:
            self.logit_scale = nn.Parameter(stored)
        else:
            self.register_buffer("logit_scale", stored)

    @property
    def temperature(self) -> float:
        """The temperature that the next forward pass will use."""
        log_scale = self.logit_scale.item() + self._remainder
        if self.learnable:
            log_scale = min(log_scale, math.log(MAX_LOGIT_SCALE))
        return temperature_of(log_scale)

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] per column.

        `present[column]` bool [batch]; a column it lacks is present everywhere. `groups` int
        [batch]: rows of one group are no negatives of each other; a negative id is a group of its
        own; None: every row its own. Of the pairs, those in `compare` alone are compared in this
        batch, in either order; None: all. See `pairwise_contrastive` for the formula.
        """
        inputs = check_inputs(embeddings, present=present, groups=groups)
        weights = resolve_pairs(embeddings, self.pairs, compare)
        return pairwise_contrastive(
            inputs,
            self._scale(inputs),
            weights=weights,
            form=self.form,
            matmul_dtype=self.matmul_dtype,
        )

    def pair_gradients(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> dict[str, Tensor]:
        """Measure how hard `positive` and `negative` pairs pull on the embeddings.

        Arguments as in `forward`, to which nothing flows back; `measure_pair_gradients` has the
        formula. It costs about as much as the loss and its gradients.
        """
        inputs = check_inputs(detached(embeddings), present=present, groups=groups)
        return measure_pair_gradients(
            inputs,
            self._scale(inputs).detach(),
            weights=resolve_pairs(embeddings, self.pairs, compare),
            slopes=pair_softmax,
            directions=2,
        )

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        return f"temperature={self.temperature:.4g}, learnable={self.learnable}, pairs={self.pairs}"

    def _scale(self, inputs: PairwiseInputs) -> Tensor:
        if self.learnable:
            # The parameter itself, not its exponential: a clamp in the graph has no gradient beyond
            # the limit, and a step that overshoots could never come back.
            with torch.no_grad():
                self.logit_scale.clamp_(max=math.log(MAX_LOGIT_SCALE))
        log_scale = self.logit_scale.to(device=inputs.device, dtype=inputs.dtype)
        return (log_scale + self._remainder).exp()
