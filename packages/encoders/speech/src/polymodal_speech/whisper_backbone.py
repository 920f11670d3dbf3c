"""Whisper's encoder, which hears log-mel spectrograms of a fixed length."""

from __future__ import annotations

from typing import Any, cast

import torch
from polymodal_core.batch import Features
from torch import Tensor, nn

from polymodal_speech.frames import real, silenced
from polymodal_speech.pooling import masked_mean

WINDOW, HOP = 400, 160
"""Samples at 16 kHz."""
TOKEN = 2 * HOP
"""Samples behind a token: the second convolution has stride 2."""


class WhisperBackbone(nn.Module):
    """Map `waveform` [present, samples] and `lengths` to all hidden states of Whisper's encoder.

    As in its training, every recording is heard with silence behind it, up to `samples` (30 s in
    the published models): so the states do not depend on the batch. `pooled` [present, layers, dim]
    is each layer's mean over the tokens that hear the recording itself; these are `tokens`
    [present, length, layers, dim] with their mask.
    """

    mel: Tensor
    taper: Tensor

    def __init__(self, encoder: nn.Module) -> None:
        """Wrap a WhisperEncoder of transformers."""
        super().__init__()
        import transformers

        extractor: Any = transformers.WhisperFeatureExtractor
        config = cast("Any", encoder).config
        self.encoder = encoder
        self.samples = int(config.max_source_positions) * TOKEN
        filters = extractor(feature_size=config.num_mel_bins).mel_filters
        mel = torch.as_tensor(filters, dtype=torch.float32)
        self.register_buffer("mel", mel, persistent=False)
        self.register_buffer("taper", torch.hann_window(WINDOW), persistent=False)

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode."""
        lengths = inputs["lengths"]
        waveform = silenced(inputs["waveform"], lengths, samples=self.samples)
        encoder: Any = self.encoder
        output = encoder(self._log_mel(waveform), output_hidden_states=True)
        states = torch.stack([*output.hidden_states[:-1], output.last_hidden_state], dim=2)
        counts = (lengths + TOKEN - 1) // TOKEN
        states = states[:, : int(counts.max())]
        mask = real(counts, states.shape[1])
        return Features(masked_mean(states, mask), states, mask)

    def _log_mel(self, waveform: Tensor) -> Tensor:
        # As WhisperFeatureExtractor does: [present, bands, 2 * tokens].
        spectrum = torch.stft(waveform, WINDOW, HOP, window=self.taper, return_complex=True)
        spectrum = spectrum[..., :-1]
        power = spectrum.real.square() + spectrum.imag.square()
        level = (self.mel.T @ power).clamp(min=1e-10).log10()
        level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - 8.0)
        return (level + 4.0) / 4.0
