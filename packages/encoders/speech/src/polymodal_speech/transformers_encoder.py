"""Speech models of Hugging Face as encoders: a backbone, and the learned average of its layers."""

from __future__ import annotations

from typing import Any, cast

from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from torch import Tensor, nn

from polymodal_speech.layer_weights import LayerWeights
from polymodal_speech.pretrained import load_pretrained, read_architecture
from polymodal_speech.waveform_backbone import WaveformBackbone
from polymodal_speech.whisper_backbone import WhisperBackbone

WITHOUT_CHANCE = {
    "layerdrop": 0.0,
    "encoder_layerdrop": 0.0,
    "apply_spec_augment": False,
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
    "add_adapter": False,
}
"""Left out: layers that are dropped at random would leave their weight in the average without a
state, masks are drawn from NumPy's global generator, and an adapter shortens the last layer."""


class TransformersEncoder(nn.Module):
    """Map `waveform` [present, samples] and `lengths` [present] to features [present, dim].

    `backbone` gives the hidden states of all layers; their average is learned in `layer_weights`.
    """

    def __init__(self, backbone: nn.Module, *, layers: int, feature_dim: int) -> None:
        """Put the average behind a backbone."""
        super().__init__()
        self.backbone = backbone
        self.layer_weights = LayerWeights(layers)
        self.feature_dim = feature_dim

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode; tokens are [present, length, dim] with their mask."""
        return self.finish(self.backbone(inputs))

    def finish(self, features: Features) -> Features:
        """Average the layers of what the backbone gave, live or kept."""
        return cast("Features", self.layer_weights(features))


def build_encoder(
    name: str,
    *,
    architecture: dict[str, Any] | None,
    pretrained: bool,
    local_only: bool,
    rate: int,
    length: int,
) -> TransformersEncoder:
    """Load a model by name or path, or build its architecture with random weights.

    Raises PolymodalError where it is missing, is no speech encoder, hears another sample rate, or
    less than the longest recording.
    """
    import transformers

    if rate != 16_000:
        raise PolymodalError(f"model '{name}' hears 16000 Hz; the modality's rate is {rate}")
    found = architecture or read_architecture(name, local_only=local_only)
    config: Any = transformers.AutoConfig.for_model(**found["config"])
    for option, value in WITHOUT_CHANCE.items():
        if hasattr(config, option):
            setattr(config, option, value)
    kind: Any = transformers.AutoModel
    if pretrained:
        load = kind.from_pretrained
        # Left to itself transformers takes the data type of the file, be it half precision.
        model = load_pretrained(load, name, local_only=local_only, config=config).float()
    else:
        model = kind.from_config(config)
    backbone = _backbone(model, name, length=length, normalise=found["normalise"])
    return TransformersEncoder(
        backbone, layers=config.num_hidden_layers + 1, feature_dim=int(config.hidden_size)
    )


def _backbone(model: Any, name: str, *, length: int, normalise: bool) -> nn.Module:
    if model.config.model_type == "whisper":
        whisper = WhisperBackbone(model.encoder)
        if length > whisper.samples:
            raise PolymodalError(
                f"model '{name}' hears at most {whisper.samples / 16_000:g} s; recordings have up "
                f"to {length / 16_000:g} s: set max_seconds of the modality"
            )
        return whisper
    parts = ("feature_extractor", "feature_projection", "encoder")
    if not all(isinstance(getattr(model, part, None), nn.Module) for part in parts):
        raise PolymodalError(
            f"model '{name}' ({model.config.model_type}) is no speech encoder known here; wanted "
            f"one such as hubert, wav2vec2, wavlm, unispeech or whisper"
        )
    return WaveformBackbone(model, normalise=normalise)
