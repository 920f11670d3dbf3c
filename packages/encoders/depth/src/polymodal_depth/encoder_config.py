"""The options of the encoders for `kind = "depth"`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from polymodal_core.config import EncoderConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_depth.convnet import ConvNetEncoder
    from polymodal_depth.timm_encoder import TimmEncoder


class ConvNetConfig(EncoderConfig):
    """A small network over depth and validity that learns within minutes on a CPU.

    `width` channels in its first stage; `depth` residual convolutions in each coarse stage.
    """

    kind: Literal["convnet"] = "convnet"
    modality: ClassVar[str] = "depth"
    width: int = Field(default=24, ge=1)
    depth: int = Field(default=0, ge=0)

    def build(self, *, size: int, channels: int, max_metres: float) -> ConvNetEncoder:
        """Build it with random weights."""
        from polymodal_depth.convnet import ConvNetEncoder

        return ConvNetEncoder(channels, size=size, width=self.width, depth=self.depth)


class TimmConfig(EncoderConfig):
    """A convolutional network of timm with one input channel.

    `weights` is "random", "hub" (downloaded by timm) or the path of a local .safetensors or .pth
    file; the first convolution of weights for three channels is summed to one. `options` go to
    `timm.create_model`.
    """

    kind: Literal["timm"] = "timm"
    modality: ClassVar[str] = "depth"
    model: str = "resnet18"
    weights: str = "random"
    options: dict[str, Any] = Field(default_factory=dict)

    def portable(self) -> TimmConfig:
        """Give the same network, and no file to read."""
        return self.model_copy(update={"weights": "random"})

    def build(self, *, size: int, channels: int, max_metres: float) -> TimmEncoder:
        """Build it and load its weights; raises PolymodalError where these are missing or unfit."""
        from polymodal_depth.timm_encoder import TimmEncoder, create_network

        network = create_network(self.model, weights=self.weights, options=self.options)
        return TimmEncoder(network)
