"""Objectives of cross-modal transfer as sections of a recipe: classification, and alignment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from polymodal_core.config import ObjectiveConfig
from pydantic import Field, field_validator

from polymodal_losses.config import ListedPairs, checked_pairs

if TYPE_CHECKING:
    from polymodal_losses.adversarial import DomainAdversarial
    from polymodal_losses.classification import Classification
    from polymodal_losses.discrepancy import MMD
    from polymodal_losses.gaussian_divergence import KLDivergence

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ClassificationConfig(ObjectiveConfig):
    """Cross-entropies of the rows' labels, from each column alone and from whole rows.

    `streams` are weights by column, 1 where left out; `joint` is that of rows of several columns.
    It compares no columns, so that `pairs` stays empty.
    """

    kind: Literal["classification"] = "classification"
    pairs: tuple[()] = ()
    streams: dict[str, Weight] = Field(default_factory=dict)
    joint: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    smoothing: float = Field(default=0.0, ge=0, lt=1)

    @field_validator("pairs", mode="before")
    @classmethod
    def _check_no_pairs(cls, pairs: Any) -> Any:
        if pairs:
            raise ValueError("classification compares no columns; leave pairs out")
        return ()

    def terms(self, columns: Collection[str]) -> list[tuple[str, str]]:
        """Name each column with "label", and "joint" with it where there are several."""
        single = len(columns) == 1
        alone = [(name, "label") for name in columns if single or self.streams.get(name, 1.0) > 0]
        return alone if single else [*alone, ("joint", "label")]

    def needs(self) -> frozenset[str]:
        """Name all: the columns, the width of the space, the number of classes."""
        return frozenset({"columns", "dim", "classes"})

    def build(self, *, columns: Sequence[str], dim: int, classes: int) -> Classification:
        """Build the loss."""
        from polymodal_losses.classification import Classification

        return Classification(
            columns,
            dim=dim,
            classes=classes,
            streams=self.streams,
            joint=self.joint,
            smoothing=self.smoothing,
        )


class AlignmentConfig(ObjectiveConfig):
    """What objectives that align distributions of embeddings have in common."""

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        return checked_pairs(pairs)


class MMDConfig(AlignmentConfig):
    """Maximum Mean Discrepancy between columns; see `MMD`."""

    kind: Literal["mmd"] = "mmd"
    scales: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (
        0.5,
        1.0,
        2.0,
    )

    def build(self) -> MMD:
        """Build the loss."""
        from polymodal_losses.discrepancy import MMD

        return MMD(self.scales, pairs=self.weights())


class KLDivergenceConfig(AlignmentConfig):
    """Kullback-Leibler divergence between columns, described as Gaussians; see `KLDivergence`."""

    kind: Literal["kl_divergence"] = "kl_divergence"
    floor: float = Field(default=1e-3, gt=0)
    symmetric: bool = True

    def build(self) -> KLDivergence:
        """Build the loss."""
        from polymodal_losses.gaussian_divergence import KLDivergence

        return KLDivergence(floor=self.floor, symmetric=self.symmetric, pairs=self.weights())


class DomainAdversarialConfig(AlignmentConfig):
    """Discriminators between columns behind reversed gradients; see `DomainAdversarial`."""

    kind: Literal["domain_adversarial"] = "domain_adversarial"
    hidden: int = Field(default=64, ge=1)
    strength: float = Field(default=1.0, ge=0)
    ramp: int = Field(default=1000, ge=0, description="steps in which the strength rises")

    def needs(self) -> frozenset[str]:
        """Name the columns and the width of the space."""
        return frozenset({"columns", "dim"})

    def build(self, *, columns: Sequence[str], dim: int) -> DomainAdversarial:
        """Build the loss."""
        from polymodal_losses.adversarial import DomainAdversarial

        return DomainAdversarial(
            columns,
            dim=dim,
            hidden=self.hidden,
            strength=self.strength,
            ramp=self.ramp,
            pairs=self.weights(),
        )
