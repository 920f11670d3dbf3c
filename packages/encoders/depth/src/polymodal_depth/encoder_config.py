"""The options of the encoders for `kind = "depth"`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from polymodal_core.config import EncoderConfig
from pydantic import Field, model_validator

if TYPE_CHECKING:
    from polymodal_depth.convnet import ConvNetEncoder
    from polymodal_depth.refinement import RefinedEncoder
    from polymodal_depth.timm_encoder import TimmEncoder


class RefinedConfig(EncoderConfig):
    """What encoders of depth have in common: an auxiliary task in training.

    `refinement` is the weight of the loss of a head that makes up again the depth that was hidden
    from the encoder; 0 is no head. `hidden` is the share of a map that is hidden.
    """

    refinement: float = Field(default=0.0, ge=0)
    hidden: float = Field(default=0.25, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_refinement(self) -> RefinedConfig:
        if self.refinement > 0 and self.tuning == "frozen":
            raise ValueError(
                "refinement trains the encoder, which is frozen; leave one of them out"
            )
        return self

    def _refined(self, encoder: Any) -> Any:
        if self.refinement == 0:
            return encoder
        from polymodal_depth.refinement import RefinedEncoder

        return RefinedEncoder(encoder, weight=self.refinement, hidden=self.hidden)


class ConvNetConfig(RefinedConfig):
    """A small network over depth and validity that learns within minutes on a CPU.

    `width` channels in its first stage; `depth` residual convolutions in each coarse stage.
    `stride` is the side in pixels of a cell, as of pictures. `refinement` and `hidden` as in
    `RefinedConfig`.
    """

    kind: Literal["convnet"] = "convnet"
    modality: ClassVar[str] = "depth"
    width: int = Field(default=24, ge=1)
    depth: int = Field(default=0, ge=0)
    stride: Literal[4, 8, 16, 32] | None = None

    def build(
        self, *, size: int, channels: int, max_metres: float
    ) -> ConvNetEncoder | RefinedEncoder:
        """Build it with random weights."""
        from polymodal_depth.convnet import ConvNetEncoder

        encoder = ConvNetEncoder(
            channels, size=size, width=self.width, depth=self.depth, stride=self.stride
        )
        return cast("ConvNetEncoder | RefinedEncoder", self._refined(encoder))


class TimmConfig(RefinedConfig):
    """A convolutional network of timm with one input channel.

    `weights` is "random", "hub" (downloaded by timm) or the path of a local .safetensors or .pth
    file; the first convolution of weights for three channels is summed to one. `options` go to
    `timm.create_model`. `refinement` and `hidden` as in `RefinedConfig`.
    """

    kind: Literal["timm"] = "timm"
    modality: ClassVar[str] = "depth"
    model: str = "resnet18"
    weights: str = "random"
    options: dict[str, Any] = Field(default_factory=dict)

    def portable(self) -> TimmConfig:
        """Give the same network, and no file to read."""
        return self.model_copy(update={"weights": "random"})

    def build(self, *, size: int, channels: int, max_metres: float) -> TimmEncoder | RefinedEncoder:
        """Build it and load its weights; raises PolymodalError where these are missing or unfit."""
        from polymodal_depth.timm_encoder import TimmEncoder, create_network

        network = create_network(self.model, weights=self.weights, options=self.options)
        return cast("TimmEncoder | RefinedEncoder", self._refined(TimmEncoder(network)))
