"""The options of `kind = "depth"` in a recipe or on the packer's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from polymodal_core.config import EstimatorConfig, ModalityConfig
from polymodal_core.geometry import check_scale
from pydantic import Field, field_validator, model_validator

from polymodal_depth.estimator_config import DepthEstimatorConfig
from polymodal_depth.units import millimetres_per_unit

if TYPE_CHECKING:
    from polymodal_core.protocols import State

    from polymodal_depth.modality import DepthModality


class DepthConfig(ModalityConfig):
    """Depth maps, stored in millimetres; 0 means no reading.

    `unit` is the source's: "mm", "cm", "m", or a scale such as "255=10m" (the value 255 stands for
    10 m). It may be left out for 16-bit sources in millimetres. `plausible`, in metres, is
    where the median reading of a map must lie, to find a wrong unit. A map must be shaped like a
    picture of its row, unless `registered` is false. `size`, `resize`, `crop_scale` and `flip` are
    as of images, and must equal theirs where both shall show the same place.
    `max_metres` is the depth that an encoder sees as 1; anything farther is cut to it.

    In training a share `occlusion` of the maps is hidden behind rectangles, which cover a share of
    the map drawn from `occluded`, and a share `resolution_dropout` is made coarser, by a factor of
    up to `coarsest`. Of maps that were estimated, pixels of less than `min_confidence` are no
    readings; training treats such a map as missing where less than `min_share` of it is left.
    Measured maps count fully.
    """

    kind: Literal["depth"] = "depth"
    default_encoder: ClassVar[str] = "convnet"
    estimator: ClassVar[type[EstimatorConfig] | None] = DepthEstimatorConfig
    unit: str | None = None
    plausible: tuple[float, float] | None = None
    registered: bool = True
    size: int = Field(default=64, ge=8)
    max_metres: float = Field(default=10.0, gt=0, le=65.535)
    resize: Literal["crop", "squash"] = "crop"
    crop_scale: tuple[float, float] = (0.7, 1.0)
    flip: float = Field(default=0.0, ge=0, le=1)
    occlusion: float = Field(default=0.0, ge=0, le=1)
    occluded: tuple[float, float] = (0.05, 0.25)
    resolution_dropout: float = Field(default=0.0, ge=0, le=1)
    coarsest: float = Field(default=4.0, gt=1, le=64)
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    min_share: float = Field(default=0.0, ge=0, le=1)

    @field_validator("unit")
    @classmethod
    def _check_unit(cls, unit: str | None) -> str | None:
        if unit is not None:
            millimetres_per_unit(unit)
        return unit

    @field_validator("crop_scale")
    @classmethod
    def _check_scale(cls, scale: tuple[float, float]) -> tuple[float, float]:
        return check_scale(scale)

    @field_validator("plausible")
    @classmethod
    def _check_range(cls, plausible: tuple[float, float] | None) -> tuple[float, float] | None:
        if plausible is not None and not 0 <= plausible[0] < plausible[1]:
            raise ValueError("wanted two depths in metres, nearest < farthest, such as [0.3, 12]")
        return plausible

    @field_validator("occluded")
    @classmethod
    def _check_area(cls, area: tuple[float, float]) -> tuple[float, float]:
        if not 0 < area[0] <= area[1] < 1:
            raise ValueError(
                "wanted [smallest, largest] share of a map, with 0 < smallest <= largest < 1"
            )
        return area

    @model_validator(mode="after")
    def _check_share(self) -> Self:
        if self.min_share > 0 and self.min_confidence == 0:
            raise ValueError(
                f"min_share = {self.min_share} is of the pixels that reach min_confidence, which "
                f"is 0; set that too, or leave min_share out"
            )
        return self

    def registered_with(self) -> str | None:
        """Pictures: crops are drawn once for a row, and must show the same place of both."""
        return "image" if self.registered else None

    def build(self, state: State | None = None) -> DepthModality:
        """Build the modality; it learns nothing from data, so `state` may be anything."""
        from polymodal_depth.modality import DepthModality

        return DepthModality(
            unit=self.unit,
            plausible=self.plausible,
            size=self.size,
            max_metres=self.max_metres,
            squash=self.resize == "squash",
            crop_scale=self.crop_scale,
            flip=self.flip,
            occlusion=self.occlusion,
            occluded=self.occluded,
            resolution_dropout=self.resolution_dropout,
            coarsest=self.coarsest,
            min_confidence=self.min_confidence,
            min_share=self.min_share,
        )
