"""The options of `kind = "segmentation"` in a recipe or on the packer's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from polymodal_core.config import ModalityConfig
from polymodal_core.geometry import check_scale
from pydantic import Field, field_validator, model_validator

if TYPE_CHECKING:
    from polymodal_core.protocols import State

    from polymodal_segmentation.modality import SegmentationModality

LARGEST = 255
"""The highest number that a pixel of 8 bits holds."""


class SegmentationConfig(ModalityConfig):
    """Label maps: the number of a class for every pixel. A target, predicted from other columns.

    `classes` are the names of the numbers from 0 on; a map with a higher one is not packed, unless
    it is `ignore`: the number of pixels that are neither learned from nor counted. A map must be
    shaped like a picture of its row, unless `registered` is false. `size`, `resize`, `crop_scale`
    and `flip` are as of images, and must equal theirs, `size` excepted: it is the side in pixels of
    the maps that are predicted. Where a recipe leaves `classes` or `ignore` out, they are those
    that the store was packed with.
    """

    kind: Literal["segmentation"] = "segmentation"
    target: ClassVar[bool] = True
    packing: ClassVar[tuple[str, ...]] = ("classes", "ignore")
    classes: tuple[str, ...] = Field(default=(), max_length=LARGEST + 1)
    ignore: int | None = Field(default=None, ge=0, le=LARGEST)
    registered: bool = True
    size: int = Field(default=64, ge=8)
    resize: Literal["crop", "squash"] = "crop"
    crop_scale: tuple[float, float] = (0.7, 1.0)
    flip: float = Field(default=0.0, ge=0, le=1)

    @field_validator("crop_scale")
    @classmethod
    def _check_scale(cls, scale: tuple[float, float]) -> tuple[float, float]:
        return check_scale(scale)

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise ValueError(f"classes has {', '.join(map(repr, twice))} more than once")
        named = [name for number, name in enumerate(self.classes) if number != self.ignore]
        if len(named) == 1:
            raise ValueError(f"classes has '{named[0]}' alone; wanted two or more to tell apart")
        return self

    def registered_with(self) -> str | None:
        """Pictures: crops are drawn once for a row, and must show the same place of both."""
        return "image" if self.registered else None

    def build(self, state: State | None = None) -> SegmentationModality:
        """Build the modality, with the classes and counts of pixels that `fit` has found."""
        from polymodal_segmentation.modality import SegmentationModality

        known = {} if state is None else state
        return SegmentationModality(
            classes=self.classes or tuple(known.get("classes", ())),
            ignore=known.get("ignore") if self.ignore is None else self.ignore,
            pixels=tuple(known.get("pixels", ())),
            size=self.size,
            squash=self.resize == "squash",
            crop_scale=self.crop_scale,
            flip=self.flip,
        )
