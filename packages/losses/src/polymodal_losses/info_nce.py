"""InfoNCE between two columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import Pair, check_one_pair
from polymodal_losses.pcmc import PCMC


class InfoNCE(nn.Module):
    """Symmetric InfoNCE between two columns at a fixed temperature (cmla, Eqs. 5-8).

    It is PCMC over one pair. `pairs` picks that pair where embeddings have more than two columns.
    Raises ObjectiveError for more than one pair.
    """

    def __init__(
        self, temperature: float = 0.07, *, pairs: Mapping[Pair, float] | None = None
    ) -> None:
        """Check the options and fix the temperature."""
        super().__init__()
        check_one_pair(list(pairs or ()))
        self.pcmc = PCMC(temperature, learnable=False, pairs=pairs)

    @property
    def temperature(self) -> float:
        """The fixed temperature."""
        return self.pcmc.temperature

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] of two columns; the rest as in PCMC."""
        if self.pcmc.pairs is None and len(embeddings) != 2:
            raise ObjectiveError(
                f"InfoNCE compares two columns; got {len(embeddings)}: {list(embeddings)}; "
                "pick two with pairs, or use PCMC for all"
            )
        output: LossOutput = self.pcmc(embeddings, present=present, groups=groups, compare=compare)
        return output

    def pair_gradients(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor | None] | None = None,
        groups: Tensor | None = None,
        compare: Collection[Pair] | None = None,
    ) -> dict[str, Tensor]:
        """Measure how hard `positive` and `negative` pairs pull on the embeddings, as in PCMC."""
        return self.pcmc.pair_gradients(embeddings, present=present, groups=groups, compare=compare)
