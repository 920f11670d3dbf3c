"""The `[data]` section of a recipe: which store, which rows, in what batches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from polymodal_core.config import Configuration
from pydantic import BeforeValidator, Field, model_validator

Count = Annotated[int, Field(ge=1)]


def _check_size(size: Any) -> Any:
    number = isinstance(size, int) and not isinstance(size, bool) and size >= 1
    share = isinstance(size, float) and 0 < size < 1
    if not number and not share:
        raise ValueError("wanted a whole number from 1, or a share between 0 and 1")
    return size


Temperature = Annotated[float, Field(gt=0)]


class HardConfig(Configuration):
    """Difficulty-aware batches: a share of each is drawn among the nearest others of the rest.

    The share rises linearly from 0 in the first step to `share` in the last, while the temperature
    of the draw goes from the first of `temperature` to the second. Each row draws among its
    `neighbours` nearest. These are found anew, under the weights of that moment, every `refresh`
    epochs, or optimiser steps by `refresh_unit`: those that follow in the same epoch are drawn from
    the new ones, and each row still comes once. A search embeds all training rows, which costs
    little where features are cached, and about the forward pass of an epoch where they are not.
    `search` compares all rows (exact), or what faiss finds, which suits hundreds of thousands of
    them.
    """

    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    temperature: tuple[Temperature, Temperature] = (1.0, 0.1)
    neighbours: Count = 50
    refresh: Count = 1
    refresh_unit: Literal["epochs", "steps"] = "epochs"
    search: Literal["exact", "faiss"] = "exact"

    @model_validator(mode="after")
    def _check_refresh(self) -> Self:
        # The default is a number of epochs: a search before every step is nothing to slip into.
        if self.refresh_unit == "steps" and "refresh" not in self.model_fields_set:
            raise ValueError(
                'refresh_unit = "steps" needs the number of optimiser steps between two searches, '
                "as in refresh = 200"
            )
        return self


class DataConfig(Configuration):
    """A store and how it is read.

    `train`, `validation` and `test` name splits. With `validation_size` the validation rows are cut
    from the training split instead: so many instances (or labels, by `validation_by`), or such a
    share of them. `modality_dropout` is the chance that a value of a training row is left out,
    though never all of a row. `limit` keeps only so many rows of each split, for quick runs. `hard`
    left out draws all batches evenly.
    """

    store: Path
    train: str = "train"
    validation: str = "validation"
    validation_size: Annotated[int | float, BeforeValidator(_check_size)] | None = None
    validation_by: Literal["instance", "label"] = "instance"
    test: str = "test"
    batch_size: Count = 128
    workers: Annotated[int, Field(ge=0)] = 0
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    limit: Count | None = None
    hard: HardConfig | None = None
