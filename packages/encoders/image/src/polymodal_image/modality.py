"""Pictures as a modality: packed as they came, cropped and resized in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_core.geometry import WHOLE, Crop, centre_crop, draw_crop
from polymodal_core.protocols import Modality

from polymodal_image.colours import add_noise, jitter_colours
from polymodal_image.corruptions import CORRUPTIONS
from polymodal_image.pictures import (
    Pixels,
    check_pixels,
    decode_picture,
    encode_png,
    extent,
    read_file,
    shrink,
)
from polymodal_image.policies import Policy, apply_policy, build_policy

if TYPE_CHECKING:
    from polymodal_core.protocols import Corruption
    from torch import Tensor


@dataclass(frozen=True)
class ImageModality(Modality):
    """Decoded values are uint8 [height, width, 3]; examples uint8 [3, size, size].

    Examples stay integers: the encoder subtracts the mean and divides by the deviation, on the
    whole batch and on its own device.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    squash: bool
    crop_scale: tuple[float, float]
    flip: float
    jitter: float
    pack_size: int | None
    augment: str | None = None
    noise: float = 0.0

    def pack(self, value: Any, root: str | None) -> bytes:
        """Keep the bytes of a file or of a picture in memory as they came; arrays become PNG.

        Raises ValueRejectedError for what does not decode, to the last pixel.
        """
        if isinstance(value, str | Path):
            name, payload = str(value), read_file(value, root)
        elif isinstance(value, bytes | bytearray | memoryview):
            name, payload = "picture", bytes(value)
        elif isinstance(value, np.ndarray):
            name, payload = "array", encode_png(check_pixels(value))
        else:
            raise ValueRejectedError(
                f"{type(value).__name__} is no picture; wanted a path, the bytes of an encoded "
                f"picture, or an array uint8 [height, width, 3]"
            )
        picture = decode_picture(payload, name=name)
        if self.pack_size is None:
            return payload
        return shrink(payload, picture, short_side=self.pack_size)

    def extent(self, payload: bytes) -> tuple[int, int]:
        """Height and width in pixels of the upright picture, from its first bytes."""
        return extent(payload)

    def decode(self, payload: bytes) -> Pixels:
        """Decode to upright RGB, uint8 [height, width, 3]."""
        return np.asarray(decode_picture(payload))

    def transform(
        self,
        value: Pixels,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> Pixels:
        """Crop, resize to uint8 [3, size, size], and in training mirror and augment."""
        crop = self._crop(value, shared if training else None)
        box = crop.box(value.shape[1], value.shape[0])
        picture = Image.fromarray(value).resize(
            (self.size, self.size), Image.Resampling.BILINEAR, box=box
        )
        if crop.flip:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if training and self.augment is not None:
            picture = apply_policy(self.policy(), picture, own)
        elif training and self.jitter > 0:
            picture = jitter_colours(picture, own, strength=self.jitter)
        pixels = np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))
        if training and self.noise > 0:
            pixels = add_noise(pixels, own, strength=self.noise)
        return pixels

    def policy(self) -> Policy:
        """Give the policy of `augment`, made once per process; it takes timm."""
        assert self.augment is not None
        return build_policy(self.augment, size=self.size, mean=self.mean)

    def collate(self, examples: Sequence[Pixels]) -> Tensor:
        """Stack to uint8 [present, 3, size, size]."""
        import torch

        return torch.from_numpy(np.stack(examples))

    def corruptions(self) -> Mapping[str, Corruption]:
        """Noise, blur, JPEG artefacts, brightness, occlusion."""
        return CORRUPTIONS

    def window(self, value: Pixels) -> Crop:
        """Give the crop that `transform` takes outside training."""
        return self._crop(value, None)

    def show(self, value: Pixels) -> Pixels:
        """Give the picture itself."""
        return value

    def spec(self) -> dict[str, Any]:
        """Size in pixels, number of channels, and mean and std of values in 0..1."""
        return {"size": self.size, "channels": 3, "mean": self.mean, "std": self.std}

    def _crop(self, value: Pixels, shared: np.random.Generator | None) -> Crop:
        aspect = 1.0 if self.squash else value.shape[1] / value.shape[0]
        if shared is not None:
            return draw_crop(shared, aspect=aspect, scale=self.crop_scale, flip=self.flip)
        return WHOLE if self.squash else centre_crop(aspect=aspect)
