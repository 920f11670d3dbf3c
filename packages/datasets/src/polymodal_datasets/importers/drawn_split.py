"""Splits that a data set brings, or that are drawn where it brings none."""

from __future__ import annotations

from typing import Literal, Self

from polymodal_core.config import ImporterConfig
from pydantic import Field, model_validator


class DrawnSplitConfig(ImporterConfig):
    """An importer whose splits are official, or shares that are drawn by `seed`."""

    split: Literal["official", "drawn"] = "official"
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _shares_of_a_draw(self) -> Self:
        fields = type(self).model_fields
        in_vain = [
            name
            for name in ("validation", "test", "seed")
            if getattr(self, name) != fields[name].default
        ]
        if self.split == "official" and in_vain:
            raise ValueError(f"{', '.join(in_vain)} belongs to split = 'drawn'")
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation} and test {self.test} leave nothing to train on"
            )
        return self
