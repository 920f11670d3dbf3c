"""HuBERT, wav2vec 2.0 and their kin: transformers that hear the waveform."""

from __future__ import annotations

from typing import Any, cast

import torch
from polymodal_core.batch import Features
from torch import Tensor, nn

from polymodal_speech.frames import real, silenced
from polymodal_speech.pooling import masked_mean


class WaveformBackbone(nn.Module):
    """Map `waveform` [present, samples] and `lengths` to all hidden states of a transformer.

    `pooled` [present, layers, dim] is each layer's mean over the real frames; `tokens` [present,
    length, layers, dim] are the states, with their mask: the frames that the model's own
    convolutions make out of each recording's own samples.
    """

    def __init__(self, model: nn.Module, *, normalise: bool) -> None:
        """Wrap a transformers model; `normalise` gives recordings mean 0 and variance 1."""
        super().__init__()
        config = cast("Any", model).config
        self.model = model
        self.normalise = normalise
        self.shortest = _receptive_field(config.conv_kernel, config.conv_stride)
        if getattr(config, "feat_extract_norm", "layer") == "group":
            extractor: Any = model.feature_extractor
            model.feature_extractor = SeparateLengths(extractor)

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode; a recording too short for a single frame is heard with silence behind it."""
        lengths = inputs["lengths"].clamp(min=self.shortest)
        longest = int(lengths.max())
        waveform = silenced(inputs["waveform"], inputs["lengths"], samples=longest)
        heard = real(lengths, longest)
        if self.normalise:
            waveform = _normalised(waveform, heard)
        model: Any = self.model
        if isinstance(model.feature_extractor, SeparateLengths):
            model.feature_extractor.lengths = lengths
        output = model(waveform, attention_mask=heard.long(), output_hidden_states=True)
        # Whether the last of them is the state before or after a last normalisation depends on
        # the version of transformers.
        states = torch.stack([*output.hidden_states[:-1], output.last_hidden_state], dim=2)
        counts = model._get_feat_extract_output_lengths(lengths)
        mask = real(counts, states.shape[1])
        return Features(masked_mean(states, mask), states, mask)


class SeparateLengths(nn.Module):
    """Run convolutions whose normalisation averages over time on one length after the other.

    Such is the group normalisation of HuBERT base and wav2vec 2.0 base: on a padded batch, every
    shorter recording would come out changed.
    """

    def __init__(self, extractor: nn.Module) -> None:
        """Wrap the feature extractor of a model."""
        super().__init__()
        self.extractor = extractor
        self.lengths = torch.zeros(0, dtype=torch.int64)

    def forward(self, waveform: Tensor) -> Tensor:
        """Map [present, samples], of which `lengths` are real, to [present, channels, frames]."""
        groups = [(self.lengths == length).nonzero()[:, 0] for length in self.lengths.unique()]
        found = [self.extractor(waveform[rows, : int(self.lengths[rows[0]])]) for rows in groups]
        frames = max(part.shape[2] for part in found)
        padded = [nn.functional.pad(part, (0, frames - part.shape[2])) for part in found]
        return torch.cat(padded)[torch.cat(groups).argsort()]

    def _freeze_parameters(self) -> None:
        cast("Any", self.extractor)._freeze_parameters()


def _normalised(waveform: Tensor, heard: Tensor) -> Tensor:
    mean = masked_mean(waveform, heard)[:, None]
    variance = masked_mean((waveform - mean).square(), heard)[:, None]
    return (waveform - mean) / (variance + 1e-7).sqrt() * heard


def _receptive_field(kernels: list[int], strides: list[int]) -> int:
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples
