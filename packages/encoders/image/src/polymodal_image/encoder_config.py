"""The options of the encoders for `kind = "image"`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from polymodal_core.config import EncoderConfig
from pydantic import Field, field_validator

from polymodal_image.config import Channels, check_std

if TYPE_CHECKING:
    from polymodal_image.convnet import ConvNetEncoder
    from polymodal_image.timm_encoder import TimmEncoder


class ConvNetConfig(EncoderConfig):
    """A small network that learns from scratch within minutes on a CPU.

    `width` channels in its first stage; `depth` residual convolutions in each coarse stage.
    `stride` is the side in pixels of a cell, of which each is a token; left out, there are 6 x 6
    cells at the most. A map of every pixel wants 8 or less.
    """

    kind: Literal["convnet"] = "convnet"
    modality: ClassVar[str] = "image"
    width: int = Field(default=24, ge=1)
    depth: int = Field(default=0, ge=0)
    stride: Literal[4, 8, 16, 32] | None = None

    def build(self, *, size: int, channels: int, mean: Channels, std: Channels) -> ConvNetEncoder:
        """Build it with random weights."""
        from polymodal_image.convnet import ConvNetEncoder

        return ConvNetEncoder(
            channels,
            size=size,
            mean=mean,
            std=std,
            width=self.width,
            depth=self.depth,
            stride=self.stride,
        )


class TimmConfig(EncoderConfig):
    """Any network that timm knows by name.

    `weights` is "random", "hub" (downloaded by timm) or the path of a local .safetensors or .pth
    file; `options` go to `timm.create_model`. `size`, `mean` and `std` are what the weights were
    trained with; what is left out is looked up in timm, unless the weights are random.
    """

    kind: Literal["timm"] = "timm"
    modality: ClassVar[str] = "image"
    model: str
    weights: str = "random"
    options: dict[str, Any] = Field(default_factory=dict)
    size: int | None = Field(default=None, ge=8)
    mean: Channels | None = None
    std: Channels | None = None

    @field_validator("std")
    @classmethod
    def _check_std(cls, std: Channels | None) -> Channels | None:
        return None if std is None else check_std(std)

    def requires(self) -> dict[str, Any]:
        """Fix the image's size, mean and std; raises PolymodalError for a model unknown to timm."""
        given = {"size": self.size, "mean": self.mean, "std": self.std}
        known: dict[str, Any] = {}
        if self.weights != "random" and None in given.values():
            from polymodal_image.timm_encoder import trained_input

            known = trained_input(self.model)
        wanted = {key: known.get(key) if value is None else value for key, value in given.items()}
        return {key: value for key, value in wanted.items() if value is not None}

    def portable(self) -> TimmConfig:
        """Give the same network with what its weights fix spelled out, and no file to read."""
        return self.model_copy(update={"weights": "random", **self.requires()})

    def build(self, *, size: int, channels: int, mean: Channels, std: Channels) -> TimmEncoder:
        """Build it and load its weights; raises PolymodalError where these are missing or unfit."""
        from polymodal_image.timm_encoder import TimmEncoder, create_network

        network = create_network(
            self.model,
            weights=self.weights,
            options=self.options,
            size=size,
            channels=channels,
        )
        return TimmEncoder(network, mean=mean, std=std)
