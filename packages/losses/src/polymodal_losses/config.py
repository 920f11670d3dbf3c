"""The objectives as sections of a recipe: `[objective]` with a `kind` of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ObjectiveConfig
from pydantic import Field, field_validator, model_validator

from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form, MatmulDtype, check_matmul_dtype
from polymodal_losses.pairs import Pair, check_one_pair, check_pairs
from polymodal_losses.temperature import check_temperature

if TYPE_CHECKING:
    from polymodal_losses.info_nce import InfoNCE
    from polymodal_losses.pcmc import PCMC
    from polymodal_losses.pcmr import PCMR
    from polymodal_losses.siglip import SigLIP
    from polymodal_losses.trimodal import Trimodal

ListedPairs = tuple[Pair | tuple[str, str, float], ...]


class PCMCConfig(ObjectiveConfig):
    """Pairwise cross-modal contrastive loss over all pairs, or over the weighted ones named."""

    kind: Literal["pcmc"] = "pcmc"
    temperature: float = Field(default=0.07, gt=0, allow_inf_nan=False)
    learnable: bool = True
    form: Form = "auto"
    matmul_dtype: MatmulDtype | None = None

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        return checked_pairs(pairs)

    @model_validator(mode="after")
    def _check_temperature(self) -> PCMCConfig:
        check_temperature(self.temperature, learnable=self.learnable)
        check_matmul_dtype(self.matmul_dtype, self.form)
        return self

    def build(self) -> PCMC:
        """Build the loss."""
        from polymodal_losses.pcmc import PCMC

        return PCMC(
            self.temperature,
            self.learnable,
            pairs=self.weights(),
            form=self.form,
            matmul_dtype=self.matmul_dtype,
        )


class PCMRConfig(ObjectiveConfig):
    """Pairwise cross-modal regression of similarities towards a target; see `PCMR`."""

    kind: Literal["pcmr"] = "pcmr"
    power: Literal["frobenius", "elementwise"] = "elementwise"
    target: Literal["embeddings", "groups"] = "groups"
    rho: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    threshold: float = Field(default=0.99, ge=0, lt=1)
    form: Form = "auto"

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        return checked_pairs(pairs)

    @model_validator(mode="after")
    def _check_groups(self) -> PCMRConfig:
        if self.target == "embeddings" and self.groups != "none":
            raise ObjectiveError(
                f"groups is {self.groups}, but target is embeddings, which finds matches by "
                'itself; choose target = "groups", or groups = "none"'
            )
        return self

    def build(self) -> PCMR:
        """Build the loss."""
        from polymodal_losses.pcmr import PCMR

        return PCMR(
            self.power,
            self.target,
            rho=self.rho,
            threshold=self.threshold,
            pairs=self.weights(),
            form=self.form,
        )


class InfoNCEConfig(ObjectiveConfig):
    """Symmetric InfoNCE at a fixed temperature between two columns; `pairs` picks them of more."""

    kind: Literal["infonce"] = "infonce"
    temperature: float = Field(default=0.07, gt=0, allow_inf_nan=False)

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        check_one_pair([(pair[0], pair[1]) for pair in pairs or ()])
        return checked_pairs(pairs)

    def build(self) -> InfoNCE:
        """Build the loss."""
        from polymodal_losses.info_nce import InfoNCE

        return InfoNCE(self.temperature, pairs=self.weights())


class SigLIPConfig(ObjectiveConfig):
    """Sigmoid loss over all pairs, or over the weighted ones named; see `SigLIP`."""

    kind: Literal["siglip"] = "siglip"
    temperature: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    bias: float = Field(default=-10.0, allow_inf_nan=False)
    learnable: bool = True
    form: Form = "auto"

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        return checked_pairs(pairs)

    @model_validator(mode="after")
    def _check_temperature(self) -> SigLIPConfig:
        check_temperature(self.temperature, learnable=self.learnable)
        return self

    def build(self) -> SigLIP:
        """Build the loss."""
        from polymodal_losses.siglip import SigLIP

        return SigLIP(
            self.temperature, self.bias, self.learnable, pairs=self.weights(), form=self.form
        )


class TrimodalConfig(ObjectiveConfig):
    """PCMC with a regulariser against collapse and weights for hard negatives; see `Trimodal`."""

    kind: Literal["trimodal"] = "trimodal"
    temperature: float = Field(default=0.07, gt=0, allow_inf_nan=False)
    learnable: bool = True
    symmetric: bool = True
    collapse: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    margin: float = Field(default=0.5, ge=-1, lt=1)
    beta: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        return checked_pairs(pairs)

    @model_validator(mode="after")
    def _check_temperature(self) -> TrimodalConfig:
        check_temperature(self.temperature, learnable=self.learnable)
        return self

    def build(self) -> Trimodal:
        """Build the loss."""
        from polymodal_losses.trimodal import Trimodal

        return Trimodal(
            self.temperature,
            self.learnable,
            symmetric=self.symmetric,
            collapse=self.collapse,
            margin=self.margin,
            beta=self.beta,
            pairs=self.weights(),
        )


def checked_pairs(pairs: ListedPairs | None) -> ListedPairs | None:
    """Give back listed pairs; raises ObjectiveError for what no objective can compare."""
    # As a mapping, a pair listed twice would silently keep its last weight.
    if pairs is not None:
        names = [(pair[0], pair[1]) for pair in pairs]
        repeated = next((pair for pair in names if names.count(pair) > 1), None)
        if repeated is not None:
            raise ObjectiveError(f"pair {list(repeated)} is listed twice; keep one of them")
        check_pairs({(pair[0], pair[1]): pair[2] if len(pair) == 3 else 1.0 for pair in pairs})
    return pairs
