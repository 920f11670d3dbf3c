"""The `[training]` section of a recipe."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from polymodal_core.config import Configuration
from pydantic import Field, field_validator, model_validator

from polymodal_trainer.stage_config import Rate, StageConfig, check_warmup

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class TrainingConfig(Configuration):
    """How a model is trained: optimiser, schedule, precision, checkpoints, when to stop."""

    epochs: int = Field(default=20, ge=1, description="passes over the training rows")
    optimizer: Literal["adamw", "adam"] = Field(
        default="adamw", description="adamw decouples weight decay from the gradient, adam does not"
    )
    lr_heads: Rate = Field(
        default=1e-3,
        description="peak learning rate of whatever starts from nothing: projection heads, "
        "adapters (LoRA), the objective",
    )
    lr_backbones: Rate = Field(default=1e-4, description="peak learning rate of encoders")
    weight_decay: Rate = Field(
        default=0.05, description="never on biases, normalisation layers and the temperature"
    )
    betas: tuple[Share, Share] = Field(default=(0.9, 0.98), description="Adam's two decay rates")
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine", description="what follows the warm-up"
    )
    warmup: int | float = Field(
        default=0.05, description="steps of linear warm-up: a number of them, or a share < 1 of all"
    )
    floor: float = Field(
        default=0.01, ge=0, le=1, description="share of the peak learning rate that cosine ends at"
    )
    clip: Rate = Field(default=1.0, description="largest norm of all gradients together; 0 = off")
    precision: Literal["float32", "bf16", "fp16"] = Field(
        default="float32", description="of the forward pass; weights and losses stay in float32"
    )
    chunk_size: int | None = Field(
        default=None,
        ge=1,
        description="rows embedded at a time, for batches that exceed memory: the gradient is the "
        "whole batch's, for one more forward pass; left out: all at once",
    )
    patience: int = Field(
        default=0, ge=0, description="stop after this many validations without a better mean; 0=off"
    )
    validate_every: int = Field(default=1, ge=1, description="epochs between validations")
    checkpoint_every: Literal["epoch"] | int = Field(
        default="epoch", description="a checkpoint after every epoch, or after so many steps"
    )
    keep: int = Field(default=2, ge=1, description="checkpoints kept, beside the best one")
    log_every: int = Field(default=1, ge=1, description="steps between lines of metrics.jsonl")
    pair_gradients_every: int = Field(
        default=10,
        ge=1,
        description="steps between measurements of how hard positive and negative pairs pull, in "
        "lines of metrics.jsonl; each costs about as much as the loss",
    )
    cache_features: bool = Field(
        default=False,
        description="run frozen encoders once, and train on the features that they gave",
    )
    cached_views: int = Field(
        default=1,
        ge=1,
        description="augmented views cached of every training item, one drawn in each epoch; "
        "1 = the item itself, without augmentation",
    )
    device: str = Field(default="auto", description="auto (cuda where there is one), cpu, cuda:1")
    threads: int | None = Field(default=None, ge=1, description="CPU threads; left out: torch's")
    deterministic: bool = Field(
        default=False, description="only repeatable kernels on a GPU too, where they may be slower"
    )
    stages: tuple[StageConfig, ...] = Field(
        default=(), description="what is trained one after the other; left out: all at once"
    )

    _check_warmup = field_validator("warmup", mode="before")(check_warmup)

    @field_validator("checkpoint_every", mode="before")
    @classmethod
    def _check_checkpoint_every(cls, every: Any) -> Any:
        if every != "epoch" and (
            not isinstance(every, int) or isinstance(every, bool) or every < 1
        ):
            raise ValueError('must be "epoch" or a number of steps of at least 1')
        return every

    @field_validator("device")
    @classmethod
    def _check_device(cls, device: str) -> str:
        if not DEVICE.fullmatch(device):
            raise ValueError("is no device; accepted: auto, cpu, mps, cuda, cuda:0, cuda:1, ...")
        return device

    @model_validator(mode="after")
    def _check_precision(self) -> TrainingConfig:
        if self.precision == "fp16" and self.device == "cpu":
            raise ValueError('precision "fp16" needs a GPU; on a CPU choose "bf16" or "float32"')
        return self

    @field_validator("stages")
    @classmethod
    def _check_stages(cls, stages: tuple[StageConfig, ...]) -> tuple[StageConfig, ...]:
        names = [stage.name for stage in stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two stages are called '{name}'; give each a name of its own")
        return stages

    @model_validator(mode="after")
    def _check_views(self) -> TrainingConfig:
        if self.cached_views > 1 and not self.cache_features:
            raise ValueError(
                f"cached_views = {self.cached_views} is of use with cache_features = true alone; "
                f"set that, or leave cached_views out"
            )
        return self
