"""The options of the encoders for `kind = "speech"`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from polymodal_core.config import EncoderConfig, Tuning
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_speech.convnet import SpeechConvNet
    from polymodal_speech.transformers_encoder import TransformersEncoder
    from polymodal_speech.yamnet_encoder import YAMNetEncoder

PRETRAINED_RATE = 16_000
"""Hz that HuBERT, wav2vec 2.0, Whisper and YAMNet were trained with, and all their kin."""


class ConvNetConfig(EncoderConfig):
    """A small network on log-mel spectrograms that learns from scratch on a CPU.

    `bands` of the spectrogram; `channels` of the first convolution; `width` of the features;
    `depth` residual convolutions over time.
    """

    kind: Literal["convnet"] = "convnet"
    modality: ClassVar[str] = "speech"
    bands: int = Field(default=40, ge=8)
    channels: int = Field(default=16, ge=1)
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=3, ge=0)

    def build(self, *, rate: int, length: int) -> SpeechConvNet:
        """Build it with random weights, for recordings of any length."""
        from polymodal_speech.convnet import SpeechConvNet

        return SpeechConvNet(
            rate=rate, bands=self.bands, channels=self.channels, width=self.width, depth=self.depth
        )


class TransformersConfig(EncoderConfig):
    """HuBERT, wav2vec 2.0 and their kin, or Whisper's encoder, by Hugging Face name or folder.

    Features are a learned average of all hidden states (SUPERB, Yang et al. 2021), then the mean
    over time. The weights of that average are trained whatever `tuning` says, with the heads.
    `weights`: `pretrained`, or `random` for the same architecture untrained. With `local_only` a
    name is looked up among what has been downloaded before, never on the network. `architecture`
    is the model's own configuration, kept in checkpoints instead of `model`.
    """

    kind: Literal["transformers"] = "transformers"
    modality: ClassVar[str] = "speech"
    model: str = Field(min_length=1)
    weights: Literal["pretrained", "random"] = "pretrained"
    local_only: bool = False
    architecture: dict[str, Any] | None = None

    def requires(self) -> dict[str, Any]:
        """Fix the sample rate."""
        return {"rate": PRETRAINED_RATE}

    def portable(self) -> TransformersConfig:
        """Give the same network with its architecture spelled out, and no file to read."""
        if self.architecture is not None:
            return self.model_copy(update={"weights": "random"})
        from polymodal_speech.pretrained import read_architecture

        architecture = read_architecture(self.model, local_only=self.local_only)
        return self.model_copy(update={"weights": "random", "architecture": architecture})

    def build(self, *, rate: int, length: int) -> TransformersEncoder:
        """Build it; raises PolymodalError where the model is missing or hears too little."""
        from polymodal_speech.transformers_encoder import build_encoder

        return build_encoder(
            self.model,
            architecture=self.architecture,
            pretrained=self.weights == "pretrained",
            local_only=self.local_only,
            rate=rate,
            length=length,
        )


class YAMNetConfig(EncoderConfig):
    """YAMNet (AudioSet), cut off behind one of its 13 blocks: frozen unless `tuning` says else.

    `weights` is the path of a .safetensors file, or "random". `block` counts from 0: middle ones
    know most of words. Features are means over frequency and over each of `segments` parts of
    the recording, in order: what is said when. With one segment there are tokens too. The defaults
    tell spoken digits of unseen speakers apart best, by a linear probe: 72 % of FSDD, against 61 %
    with one segment and 63 % behind block 7.
    """

    kind: Literal["yamnet"] = "yamnet"
    modality: ClassVar[str] = "speech"
    tuning: Tuning = "frozen"
    weights: str
    block: int = Field(default=4, ge=0, le=12)
    segments: int = Field(default=4, ge=1)

    def requires(self) -> dict[str, Any]:
        """Fix the sample rate."""
        return {"rate": PRETRAINED_RATE}

    def portable(self) -> YAMNetConfig:
        """Give the same network, and no file to read."""
        return self.model_copy(update={"weights": "random"})

    def build(self, *, rate: int, length: int) -> YAMNetEncoder:
        """Build it; raises PolymodalError where the weights are missing or unfit."""
        from polymodal_speech.yamnet_encoder import build_encoder

        return build_encoder(self.weights, block=self.block, segments=self.segments, rate=rate)
