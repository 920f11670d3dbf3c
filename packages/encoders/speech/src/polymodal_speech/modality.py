"""Speech as a modality: recordings packed as they came, resampled and cropped when read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import ValueRejectedError
from polymodal_core.protocols import Modality

from polymodal_speech.corruptions import CORRUPTIONS
from polymodal_speech.recordings import (
    Lengths,
    Recording,
    Waveform,
    checked_payload,
    decode_recording,
    encode_array,
    read_file,
)
from polymodal_speech.resampling import resample
from polymodal_speech.spectrogram import draw_recording

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.protocols import Corruption
    from torch import Tensor


@dataclass(frozen=True)
class SpeechModality(Modality):
    """Decoded values are (float32 mono waveform [samples], rate); examples waveforms at `rate`."""

    rate: int
    min_seconds: float
    max_seconds: float
    cut_long: bool
    crop_scale: tuple[float, float]

    def pack(self, value: Any, root: str | None) -> bytes:
        """Keep the bytes of a file as they came; (array, rate) becomes FLAC.

        Arrays are int16, or floats in -1..1: [samples] or [samples, channels]. Raises
        ValueRejectedError for what does not decode, to the last sample.
        """
        lengths = Lengths(self.min_seconds, self.max_seconds, self.cut_long)
        if isinstance(value, str | Path):
            return checked_payload(read_file(value, root), name=str(value), lengths=lengths)
        if isinstance(value, bytes | bytearray | memoryview):
            return checked_payload(bytes(value), name="recording", lengths=lengths)
        if isinstance(value, tuple | list) and len(value) == 2:
            return encode_array(*value, lengths=lengths)
        raise ValueRejectedError(
            f"{type(value).__name__} is no recording; wanted a path, the bytes of a WAV, FLAC or "
            f"OGG file, or (array, sample rate)"
        )

    def decode(self, payload: bytes) -> Recording:
        """Decode to a mono waveform [samples], the mean of the channels, and its rate."""
        return decode_recording(payload)

    def transform(
        self,
        value: Recording,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> Waveform:
        """Resample; in training take a random part. At most `max_seconds` are left."""
        waveform = resample(*value, self.rate)
        longest = max(1, int(self.max_seconds * self.rate))
        if not training:
            return waveform[:longest]
        low, high = self.crop_scale
        share, place = own.random(2)
        kept = min(longest, max(1, round(len(waveform) * (low + share * (high - low)))))
        start = int(place * (len(waveform) - kept + 1))
        return waveform[start : start + kept]

    def collate(self, examples: Sequence[Waveform]) -> dict[str, Tensor]:
        """Pad with zeros: `waveform` float32 [present, samples], `lengths` int64 [present]."""
        import torch

        lengths = torch.tensor([len(example) for example in examples])
        padded = np.zeros((len(examples), int(lengths.max())), dtype=np.float32)
        for row, example in zip(padded, examples, strict=True):
            row[: len(example)] = example
        return {"waveform": torch.from_numpy(padded), "lengths": lengths}

    def corruptions(self) -> Mapping[str, Corruption]:
        """Noise, clipping, dropped spans, another speed."""
        return CORRUPTIONS

    def show(self, value: Recording) -> NDArray[np.uint8]:
        """Draw the waveform above its spectrogram."""
        return draw_recording(value)

    def spec(self) -> dict[str, Any]:
        """Sample rate in Hz, and the longest example in samples."""
        return {"rate": self.rate, "length": max(1, int(self.max_seconds * self.rate))}
