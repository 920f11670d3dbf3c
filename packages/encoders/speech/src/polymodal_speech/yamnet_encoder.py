"""YAMNet, a network for all kinds of sounds, heard in the middle, where it still knows words."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from polymodal_speech.frames import count_frames, real, silenced

WINDOW, HOP, POINTS, BANDS = 400, 160, 512, 64
"""Of the spectrogram: samples at 16 kHz, points of the Fourier transform, mel bands."""
HEARD = (125.0, 7500.0)
"""Hz."""
PATCH = 96
"""Frames that the network hears at once: 0.96 s."""
STEM = 32
CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
OFFSET = 0.001
"""Added to the mel magnitudes before the logarithm."""


class YAMNet(nn.Module):
    """The network up to one block: patches [patches, 1, 96, 64] to maps.

    MobileNet v1 (Howard et al. 2017) with batch norm folded into the kernels; padding is SAME as
    in TensorFlow, where the extra row and column go to the end.
    """

    mel: Tensor

    def __init__(self, block: int) -> None:
        """Build up to block number `block`, counted from 0, with random weights."""
        super().__init__()
        mel = melscale_fbanks(POINTS // 2 + 1, *HEARD, BANDS, 16_000)
        self.register_buffer("mel", mel.T.contiguous())
        self.stem = nn.Conv2d(1, STEM, 3, stride=2)
        widths = (STEM, *CHANNELS)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "depthwise": nn.Conv2d(
                        widths[number], widths[number], 3, stride=stride, groups=widths[number]
                    ),
                    "pointwise": nn.Conv2d(widths[number], width, 1),
                }
            )
            for number, (width, stride) in enumerate(zip(CHANNELS, STRIDES, strict=True))
            if number <= block
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Give maps [patches, channels, time, frequency]."""
        maps: Tensor = F.relu(self.stem(_same(patches, stride=2)))
        for block, stride in zip(self.blocks, STRIDES, strict=False):
            parts = cast("nn.ModuleDict", block)
            maps = F.relu(parts["depthwise"](_same(maps, stride=stride)))
            maps = F.relu(parts["pointwise"](maps))
        return maps


class YAMNetEncoder(nn.Module):
    """Map `waveform` [present, samples] and `lengths` [present] to features [present, dim].

    A recording is heard in patches of 0.96 s, the last one with silence behind it, whatever it is
    batched with. The map behind the last block is averaged over frequency; then over each of
    `segments` equal parts of the recording, which stand in order in `pooled` [present, segments *
    channels]: one average over time would forget what is said when. With one segment the tokens
    are [present, length, channels], with their mask.
    """

    taper: Tensor

    def __init__(self, network: YAMNet, *, block: int, segments: int) -> None:
        """Wrap the network."""
        super().__init__()
        self.network = network
        self.segments = segments
        self.feature_dim = segments * CHANNELS[block]
        self.stride = 2
        for stride in STRIDES[: block + 1]:
            self.stride *= stride
        self.register_buffer("taper", torch.hann_window(WINDOW), persistent=False)

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode."""
        counts = count_frames(inputs["lengths"], window=WINDOW, hop=HOP)
        per_recording = (counts + PATCH - 1) // PATCH
        patches = self._patches(inputs, int(per_recording.max()))
        # Patches of padding alone are not computed.
        heard = real(per_recording, patches.shape[1])
        maps = self.network(patches[heard][:, None]).mean(dim=3).transpose(1, 2)
        found = maps.new_zeros(*heard.shape, *maps.shape[1:])
        found[heard] = maps
        tokens = found.flatten(1, 2)
        real_tokens = (counts + self.stride - 1) // self.stride
        pooled = torch.einsum("plc,psl->psc", tokens, self._parts(real_tokens, tokens.shape[1]))
        if self.segments > 1:
            return Features(pooled.flatten(1))
        tokens = tokens[:, : int(real_tokens.max())]
        return Features(pooled[:, 0], tokens, real(real_tokens, tokens.shape[1]))

    def _patches(self, inputs: dict[str, Tensor], count: int) -> Tensor:
        # Log-mel patches [present, count, 96, 64].
        samples = (count * PATCH - 1) * HOP + WINDOW
        waveform = silenced(inputs["waveform"], inputs["lengths"], samples=samples)
        windows = waveform.unfold(1, WINDOW, HOP) * self.taper
        magnitude = torch.fft.rfft(windows, n=POINTS).abs()
        frames: Tensor = (magnitude @ self.network.mel.T + OFFSET).log()
        return frames.view(len(frames), count, PATCH, BANDS)

    def _parts(self, counts: Tensor, longest: int) -> Tensor:
        # Weights [present, segments, longest] of tokens in the means of segments; where there are
        # fewer tokens than segments, these share them.
        part = torch.arange(self.segments, device=counts.device)
        first = part * counts[:, None] // self.segments
        last = -(-(part + 1) * counts[:, None] // self.segments)
        token = torch.arange(longest, device=counts.device)
        inside = (token >= first[..., None]) & (token < last[..., None])
        weights: Tensor = inside / (last - first)[..., None]
        return weights


def build_encoder(weights: str, *, block: int, segments: int, rate: int) -> YAMNetEncoder:
    """Build it and load a .safetensors file, or leave it "random".

    Raises PolymodalError where the file is missing or not YAMNet's, or the rate is not 16 kHz.
    """
    if rate != 16_000:
        raise PolymodalError(f"YAMNet hears 16000 Hz; the modality's rate is {rate}")
    network = YAMNet(block)
    if weights != "random":
        _load(network, Path(weights).expanduser())
    return YAMNetEncoder(network, block=block, segments=segments)


def _load(network: YAMNet, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise PolymodalError(
            f'{path}: no such file of weights; give the path of a .safetensors file, or "random"'
        )
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise PolymodalError(f"{path}: the weights cannot be read: {error}") from error
    if "mel.weight" in found:
        found["mel"] = found["mel.weight"]
    own = network.state_dict()
    wrong = [
        name
        for name, tensor in own.items()
        if name not in found or found[name].shape != tensor.shape
    ]
    if wrong:
        raise PolymodalError(
            f"{path}: these are not the weights of YAMNet: {len(wrong)} tensors are missing or of "
            f"another shape, {', '.join(wrong[:3])} among them"
        )
    network.load_state_dict({name: found[name].float() for name in own})


def _same(maps: Tensor, *, stride: int) -> Tensor:
    def around(size: int) -> tuple[int, int]:
        total = max((-(-size // stride) - 1) * stride + 3 - size, 0)
        return total // 2, total - total // 2

    height, width = maps.shape[2:]
    return F.pad(maps, (*around(width), *around(height)))
