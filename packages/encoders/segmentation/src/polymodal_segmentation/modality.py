"""Label maps as a modality: packed as they are, cropped as the row's pictures are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_core.geometry import WHOLE, Crop, centre_crop, draw_crop
from polymodal_core.protocols import Modality, State

from polymodal_segmentation.colours import colour_classes
from polymodal_segmentation.label_maps import LabelMap, decode, encode, extent, read_label_map

if TYPE_CHECKING:
    from torch import Tensor

NUMBERS = 256


@dataclass(frozen=True)
class SegmentationModality(Modality):
    """Decoded values are uint8 [height, width], the number of each pixel's class.

    Examples are the same at [size, size], by the nearest pixel: numbers are never mixed. `pixels`
    counts those of each class in training, after `fit`.
    """

    classes: tuple[str, ...]
    ignore: int | None
    pixels: tuple[int, ...]
    size: int
    squash: bool
    crop_scale: tuple[float, float]
    flip: float

    def pack(self, value: Any, root: str | None) -> bytes:
        """Keep the bytes of a PNG as they came; arrays become one.

        Raises ValueRejectedError for what is no label map, a number without a class, and a map
        without a pixel that is not ignored.
        """
        found, name, payload = read_label_map(value, root)
        self._check(found, name)
        if self.ignore is not None and bool((found == self.ignore).all()):
            raise ValueRejectedError(
                f"{name}: every pixel is {self.ignore}, which is ignored: leave its row without a "
                f"label map"
            )
        return encode(found) if payload is None else payload

    def extent(self, payload: bytes) -> tuple[int, int]:
        """Height and width in pixels, from the first bytes of the PNG."""
        return extent(payload)

    def decode(self, payload: bytes) -> LabelMap:
        """Decode to uint8 [height, width]."""
        return decode(payload)

    def fit(self, values: Iterable[LabelMap]) -> State:
        """Count the pixels of each class; without names, classes are as many as there are."""
        counts = np.zeros(NUMBERS, dtype=np.int64)
        for value in values:
            counts += np.bincount(value.ravel(), minlength=NUMBERS)
        if self.ignore is not None:
            counts[self.ignore] = 0
        seen = int(counts.nonzero()[0].max(initial=-1)) + 1
        names = self.classes or tuple(f"class {number}" for number in range(seen))
        return {"classes": list(names), "pixels": counts[: len(names)].tolist()}

    def transform(
        self,
        value: LabelMap,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> LabelMap:
        """Crop and resize to uint8 [size, size], in training at a random place."""
        self._check(value, "a map of the store")
        crop = self._crop(value, shared if training else None)
        box = crop.box(value.shape[1], value.shape[0])
        picture = Image.fromarray(value)
        found = np.asarray(
            picture.resize((self.size, self.size), Image.Resampling.NEAREST, box=box)
        )
        return np.ascontiguousarray(found[:, ::-1]) if crop.flip else found

    def collate(self, examples: Sequence[LabelMap]) -> Tensor:
        """Stack to int64 [present, size, size], -1 where a pixel is ignored."""
        import torch

        stacked = np.stack(examples).astype(np.int64)
        if self.ignore is not None:
            stacked[stacked == self.ignore] = -1
        return torch.from_numpy(stacked)

    def window(self, value: LabelMap) -> Crop:
        """Give the crop that `transform` takes outside training."""
        return self._crop(value, None)

    def show(self, value: LabelMap) -> NDArray[np.uint8]:
        """Colour each class; ignored pixels are dark grey."""
        return colour_classes(value, ignore=self.ignore)

    def spec(self) -> dict[str, Any]:
        """Side of the maps in pixels, names of the classes, their pixels in training."""
        return {
            "size": self.size,
            "classes": list(self.classes),
            "ignore": self.ignore,
            "pixels": list(self.pixels),
        }

    def _check(self, value: LabelMap, name: str) -> None:
        if not self.classes:
            return
        wrong = [
            int(number)
            for number in np.unique(value)
            if number >= len(self.classes) and number != self.ignore
        ]
        if wrong:
            ignored = "" if self.ignore is None else f", and {self.ignore} to be ignored"
            raise ValueRejectedError(
                f"{name}: {', '.join(map(str, wrong[:5]))} is the number of no class; there are "
                f"{len(self.classes)} classes, from 0 to {len(self.classes) - 1}{ignored}. Name "
                f"further ones in `classes`, or say which number is to be left out as `ignore`"
            )

    def _crop(self, value: LabelMap, shared: np.random.Generator | None) -> Crop:
        aspect = 1.0 if self.squash else value.shape[1] / value.shape[0]
        if shared is not None:
            return draw_crop(shared, aspect=aspect, scale=self.crop_scale, flip=self.flip)
        return WHOLE if self.squash else centre_crop(aspect=aspect)
