"""A stage of training: `[[training.stages]]` of a recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from polymodal_core.config import Configuration
from pydantic import Field, field_validator, model_validator

Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


def check_warmup(warmup: Any) -> Any:
    """Check a number of steps or a share, before pydantic tries both and complains of each."""
    whole = isinstance(warmup, int) and not isinstance(warmup, bool) and warmup >= 0
    if warmup is not None and not whole and not (isinstance(warmup, float) and 0 <= warmup < 1):
        raise ValueError("must be a number of steps (100) or a share of all below 1 (0.05)")
    return warmup


class StageConfig(Configuration):
    """Some epochs with an optimiser and a schedule of their own, from the best of those before.

    `columns` are seen: the others are as if they were missing. Of what is seen, `train` names what
    learns and `freeze` what does not: columns (encoder and head), "fusion", and "objective" (its
    class layers, its temperature). `pairs` are compared, by objectives that compare columns.
    Whatever else is left out is as in `[training]`.
    """

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$")
    columns: Names | None = None
    train: Names | None = None
    freeze: Names | None = None
    pairs: Annotated[tuple[tuple[str, str], ...], Field(min_length=1)] | None = None
    epochs: int | None = Field(default=None, ge=1)
    lr_heads: Rate | None = None
    lr_backbones: Rate | None = None
    weight_decay: Rate | None = None
    schedule: Literal["cosine", "constant"] | None = None
    warmup: int | float | None = None
    floor: float | None = Field(default=None, ge=0, le=1)
    clip: Rate | None = None
    patience: int | None = Field(default=None, ge=0)
    validate_every: int | None = Field(default=None, ge=1)

    _check_warmup = field_validator("warmup", mode="before")(check_warmup)

    @model_validator(mode="after")
    def _check_one_way(self) -> StageConfig:
        if self.train is not None and self.freeze is not None:
            raise ValueError("give one of train and freeze, not both")
        return self
