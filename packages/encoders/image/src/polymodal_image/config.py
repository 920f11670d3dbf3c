"""The options of `kind = "image"` in a recipe or on the packer's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from polymodal_core.config import ModalityConfig
from polymodal_core.geometry import check_scale
from pydantic import Field, field_validator, model_validator

if TYPE_CHECKING:
    from polymodal_core.protocols import State

    from polymodal_image.modality import ImageModality

Channels = tuple[float, float, float]
JITTER = 0.2


class ImageConfig(ModalityConfig):
    """Colour pictures.

    `size` is the side of what the encoder sees, in pixels; `resize` reaches it by a square crop, or
    squashes the whole picture. Training draws crops of `crop_scale` of the largest area that fits,
    mirrors with probability `flip` (off: captions say left and right) and changes brightness,
    contrast and saturation by a factor of 1 - `jitter` to 1 + `jitter`; `augment`, a policy of timm
    such as "rand-m9-mstd0.5", takes the place of `jitter`; last comes Gaussian noise of a
    standard deviation up to `noise`, a share of the range of values. `mean` and `std` are of values
    in 0..1. `pack_size` shrinks pictures to this short side when they are packed.
    """

    kind: Literal["image"] = "image"
    default_encoder: ClassVar[str] = "convnet"
    size: int = Field(default=64, ge=8)
    mean: Channels = (0.5, 0.5, 0.5)
    std: Channels = (0.5, 0.5, 0.5)
    resize: Literal["crop", "squash"] = "crop"
    crop_scale: tuple[float, float] = (0.7, 1.0)
    flip: float = Field(default=0.0, ge=0, le=1)
    jitter: float = Field(default=JITTER, ge=0, lt=1)
    augment: str | None = None
    noise: float = Field(default=0.0, ge=0, le=0.5)
    pack_size: int | None = Field(default=None, ge=8)

    @field_validator("crop_scale")
    @classmethod
    def _check_scale(cls, scale: tuple[float, float]) -> tuple[float, float]:
        return check_scale(scale)

    @field_validator("std")
    @classmethod
    def _check_std(cls, std: Channels) -> Channels:
        return check_std(std)

    @field_validator("augment")
    @classmethod
    def _check_policy(cls, augment: str | None) -> str | None:
        from polymodal_image.policies import check_policy

        return None if augment is None else check_policy(augment)

    @model_validator(mode="after")
    def _check_jitter(self) -> Self:
        # At its default it passes: a resolved recipe spells it out.
        if self.augment is not None and self.jitter != JITTER:
            raise ValueError(
                f"jitter = {self.jitter} is not used where augment = '{self.augment}' takes its "
                f"place; leave one of them out"
            )
        return self

    def build(self, state: State | None = None) -> ImageModality:
        """Build the modality; it learns nothing from data, so `state` may be anything.

        Raises PolymodalError where timm refuses the policy of `augment`.
        """
        from polymodal_image.modality import ImageModality

        modality = ImageModality(
            size=self.size,
            mean=self.mean,
            std=self.std,
            squash=self.resize == "squash",
            crop_scale=self.crop_scale,
            flip=self.flip,
            jitter=self.jitter,
            pack_size=self.pack_size,
            augment=self.augment,
            noise=self.noise,
        )
        if self.augment is not None:
            modality.policy()  # whatever timm refuses, it refuses now
        return modality


def check_std(std: Channels) -> Channels:
    """Give back a standard deviation per channel; raises ValueError where one is not positive."""
    if min(std) <= 0:
        raise ValueError("wanted a positive standard deviation for each of the three channels")
    return std
