"""PCMR, the pairwise cross-modal regression objective."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form, check_form
from polymodal_losses.inputs import check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair, check_pairs, resolve_pairs
from polymodal_losses.regression import (
    Power,
    RegressionOptions,
    check_power,
    pairwise_regression,
)
from polymodal_losses.target_rule import TargetRule, check_target


class PCMR(nn.Module):
    """Pairwise cross-modal regression over any number of columns (pcmc-pcmr, section 3.1).

    Similarities are drawn to a target T, 1 where two rows match and 0 elsewhere. `power` is
    `elementwise`, which alone can balance matches against the many others, as the paper's text has
    it, or Eq. 6 as printed, `frobenius`; `rho` raises either to 2 + rho.

    `target="groups"` matches rows of one group, and without groups every row with itself alone.
    `target="embeddings"` is the paper's Eq. 7: rows match where some column that both have puts
    them closer than `threshold`, and groups are refused. It is no default, since near a random
    initialisation all embeddings can be that close, and T then pulls them together for good.
    On real data (docs/results.md) it was never better than `groups`. `elementwise` was far better
    than `frobenius` on Flickr8k and no worse on three other sets, so it is the default; `frobenius`
    costs less. Rows that share an instance or a class need `groups`: without, PCMR loses much.

    `form="direct"` stores matrices [batch, batch]. `"tiled"` stores none at any batch, and cannot
    be differentiated twice: `frobenius` costs O(batch * dim^2), `elementwise` O(batch^2 * dim) in
    tiles; `target="embeddings"` adds an exact search for near-duplicates, O(batch^2) times a few
    dimensions. `"auto"` is direct up to a batch of 256. `pairs` as in PCMC. Raises ObjectiveError.
    """

    def __init__(
        self,
        power: Power = "elementwise",
        target: TargetRule = "groups",
        *,
        rho: float = 1.0,
        threshold: float = 0.99,
        pairs: Mapping[Pair, float] | None = None,
        form: Form = "auto",
    ) -> None:
        """Check the options."""
        super().__init__()
        check_power(power, rho)
        check_target(target, threshold)
        check_form(form)
        self.options = RegressionOptions(power, rho, target, threshold)
        self.pairs = check_pairs(pairs)
        self.form: Form = form

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
        [batch]: rows of one group match; a negative id is a group of its own. `compare` as in
        PCMC. See `pairwise_regression` for the formula. `anchors` counts the rows that have both
        columns; a pair without any can still have a part, of rows that do not match.
        """
        if groups is not None and self.options.target == "embeddings":
            raise ObjectiveError(
                "groups are given, but target is embeddings, which finds matches by itself; "
                "choose target='groups', or give no groups"
            )
        inputs = check_inputs(embeddings, present=present, groups=groups)
        weights = resolve_pairs(embeddings, self.pairs, compare)
        return pairwise_regression(inputs, weights=weights, options=self.options, form=self.form)

    def extra_repr(self) -> str:
        """Show the options in `repr`."""
        shown = self.options
        return (
            f"power={shown.power}, target={shown.target}, rho={shown.rho:g}, "
            f"threshold={shown.threshold:g}, pairs={self.pairs}"
        )
