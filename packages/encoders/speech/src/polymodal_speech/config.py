"""The options of `kind = "speech"` in a recipe or on the packer's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from polymodal_core.config import ModalityConfig
from pydantic import Field, model_validator

if TYPE_CHECKING:
    from polymodal_core.protocols import State

    from polymodal_speech.modality import SpeechModality


class SpeechConfig(ModalityConfig):
    """Recordings of speech.

    `rate` is the sample rate that the encoder hears, in Hz; recordings of another are resampled.
    A recording of less than `min_seconds` is refused, one of more than `max_seconds` too, or with
    `long = "cut"` its beginning is taken. Training hears a random part of every recording, of a
    length drawn from `crop_scale` of the whole.
    """

    kind: Literal["speech"] = "speech"
    default_encoder: ClassVar[str] = "convnet"
    rate: int = Field(default=16_000, ge=2_000, le=192_000)
    min_seconds: float = Field(default=0.05, gt=0)
    max_seconds: float = Field(default=30.0, gt=0)
    long: Literal["refuse", "cut"] = "refuse"
    crop_scale: tuple[float, float] = (0.95, 1.0)

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        if self.min_seconds > self.max_seconds:
            raise ValueError(
                f"min_seconds {self.min_seconds} is more than max_seconds {self.max_seconds}"
            )
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(
                f"crop_scale {list(self.crop_scale)}: wanted [smallest, largest] share of a "
                f"recording, with 0 < smallest <= largest <= 1"
            )
        return self

    def build(self, state: State | None = None) -> SpeechModality:
        """Build the modality; it learns nothing from data, so `state` may be anything."""
        from polymodal_speech.modality import SpeechModality

        return SpeechModality(
            rate=self.rate,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            cut_long=self.long == "cut",
            crop_scale=self.crop_scale,
        )
