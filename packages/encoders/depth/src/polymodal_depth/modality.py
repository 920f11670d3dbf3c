"""Depth maps as a modality: packed in millimetres, cropped as the row's pictures are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from polymodal_core.geometry import WHOLE, Crop, centre_crop, draw_crop
from polymodal_core.protocols import Modality

from polymodal_depth.augmentation import coarsen, occlude
from polymodal_depth.colours import colour_depth
from polymodal_depth.confidence import (
    CERTAIN,
    Confidence,
    confidence_of,
    decode_confidence,
    joined,
    readings,
)
from polymodal_depth.corruptions import CORRUPTIONS, of_readings
from polymodal_depth.millimetres import (
    Millimetres,
    check_plausible,
    decode,
    encode,
    extent,
    to_millimetres,
)
from polymodal_depth.resize import resize_depth
from polymodal_depth.sources import read_source

if TYPE_CHECKING:
    from polymodal_core.protocols import Corruption
    from torch import Tensor


@dataclass(frozen=True)
class DepthModality(Modality):
    """Decoded values are uint16 [height, width] in mm, 0 = no reading.

    Of an estimated map they are uint16 [height, width, 2], the confidence behind, 255 = certain,
    and pixels of less than `min_confidence` are no readings. Examples are float32 [2, size, size]:
    depth as a share of `max_metres`, 0 where there is no reading, and validity, 0 where there is
    none, 1 where one was measured, and else its confidence.
    """

    unit: str | None
    plausible: tuple[float, float] | None
    size: int
    max_metres: float
    squash: bool
    crop_scale: tuple[float, float]
    flip: float
    occlusion: float = 0.0
    occluded: tuple[float, float] = (0.05, 0.25)
    resolution_dropout: float = 0.0
    coarsest: float = 4.0
    min_confidence: float = 0.0
    min_share: float = 0.0

    def pack(self, value: Any, root: str | None) -> bytes:
        """Convert a picture, a .npy file or an array in `unit` to a 16-bit PNG in millimetres.

        Raises ValueRejectedError that says what is wrong with the values or their unit.
        """
        values, name = read_source(value, root)
        millimetres = to_millimetres(values, unit=self.unit, name=name)
        if self.plausible is not None:
            check_plausible(millimetres, self.plausible, unit=self.unit, name=name)
        return encode(millimetres)

    def extent(self, payload: bytes) -> tuple[int, int]:
        """Height and width in pixels, from the first bytes of the PNG."""
        return extent(payload)

    def decode(self, payload: bytes) -> Millimetres:
        """Decode to uint16 [height, width] in mm, or [height, width, 2] of an estimate."""
        confidence = decode_confidence(payload)
        millimetres = decode(payload)
        if confidence is None:
            return millimetres
        return joined(millimetres, np.where(self._trusted(confidence), confidence, np.uint8(0)))

    def screen(self) -> Callable[[bytes], bool] | None:
        """Leave out of training an estimate of which less than `min_share` is to be trusted."""
        return self._learnable if self.min_confidence > 0 else None

    def transform(
        self,
        value: Millimetres,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Crop and resize to float32 [2, size, size], in training at a random place, with holes."""
        crop = self._crop(value, shared if training else None)
        box = crop.box(value.shape[1], value.shape[0])
        millimetres, validity = resize_depth(
            readings(value), box=box, size=self.size, confidence=confidence_of(value)
        )
        depth = np.minimum(millimetres / np.float32(1000 * self.max_metres), np.float32(1))
        example = np.stack((depth, validity))
        if crop.flip:
            example = np.ascontiguousarray(example[:, :, ::-1])
        if training and self.occlusion > 0:
            example = occlude(example, own, probability=self.occlusion, area=self.occluded)
        if training and self.resolution_dropout > 0:
            example = coarsen(
                example, own, probability=self.resolution_dropout, coarsest=self.coarsest
            )
        return example

    def collate(self, examples: Sequence[NDArray[np.float32]]) -> Tensor:
        """Stack to float32 [present, 2, size, size]."""
        import torch

        return torch.from_numpy(np.stack(examples))

    def corruptions(self) -> Mapping[str, Corruption]:
        """Holes, quantisation, noise, a wrong scale."""
        return {name: of_readings(corrupt) for name, corrupt in CORRUPTIONS.items()}

    def window(self, value: Millimetres) -> Crop:
        """Give the crop that `transform` takes outside training."""
        return self._crop(value, None)

    def show(self, value: Millimetres) -> NDArray[np.uint8]:
        """Colour a map over its own range: near is warm, no reading dark grey."""
        return colour_depth(readings(value))

    def spec(self) -> dict[str, Any]:
        """Size in pixels, two channels (depth, validity), and the depth that is seen as 1."""
        return {"size": self.size, "channels": 2, "max_metres": self.max_metres}

    def _trusted(self, confidence: Confidence) -> NDArray[np.bool_]:
        return (confidence > 0) & (confidence >= CERTAIN * self.min_confidence)

    def _learnable(self, payload: bytes) -> bool:
        confidence = decode_confidence(payload)
        if confidence is None:
            return True
        share = float(self._trusted(confidence).mean())
        return share > 0 and share >= self.min_share

    def _crop(self, value: Millimetres, shared: np.random.Generator | None) -> Crop:
        aspect = 1.0 if self.squash else value.shape[1] / value.shape[0]
        if shared is not None:
            return draw_crop(shared, aspect=aspect, scale=self.crop_scale, flip=self.flip)
        return WHOLE if self.squash else centre_crop(aspect=aspect)
