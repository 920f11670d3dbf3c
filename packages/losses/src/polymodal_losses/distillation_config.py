"""Distillation as a section of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ObjectiveConfig
from pydantic import Field, field_validator

from polymodal_losses.config import ListedPairs, checked_pairs

if TYPE_CHECKING:
    from polymodal_losses.distillation import Distillation


class DistillationConfig(ObjectiveConfig):
    """What a trained run, the `teacher`, says of a batch's similarities; see `Distillation`.

    `teacher` is a run folder. It reads the same store by its own columns and preprocessing.
    """

    kind: Literal["distillation"] = "distillation"
    teacher: str = Field(min_length=1)
    temperature: float = Field(default=0.07, gt=0, allow_inf_nan=False)

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: ListedPairs | None) -> ListedPairs | None:
        return checked_pairs(pairs)

    def teachers(self) -> tuple[str, ...]:
        """Name the teacher."""
        return (self.teacher,)

    def build(self) -> Distillation:
        """Build the loss."""
        from polymodal_losses.distillation import Distillation

        return Distillation(self.teacher, self.temperature, pairs=self.weights())
